"""What is published stays as it is: the database refuses to change or delete a published version. Source: SY-7."""

from django.db import migrations

GUARD = """
CREATE FUNCTION policy_version_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state <> 'published' THEN
        IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
        IF NEW.content = OLD.content AND NEW.digest = OLD.digest AND NEW.number = OLD.number THEN RETURN NEW; END IF;
    END IF;
    RAISE EXCEPTION 'a policy version is never rewritten: % refused (策略版本不得改写)', TG_OP
        USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER policy_version_change BEFORE UPDATE OR DELETE ON policy_policyversion
    FOR EACH ROW EXECUTE FUNCTION policy_version_guard();
"""
UNGUARD = """
DROP TRIGGER policy_version_change ON policy_policyversion;
DROP FUNCTION policy_version_guard();
"""


class Migration(migrations.Migration):
    dependencies = [("policy", "0001_policy")]

    operations = [migrations.RunSQL(GUARD, UNGUARD)]

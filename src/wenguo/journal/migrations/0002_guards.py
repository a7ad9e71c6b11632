"""The database itself refuses to rewrite the journal: triggers that hold for every role that does not disable them.

Events: no delete, no truncate, and of updates only an erasure (private and salt become NULL, nothing else changes).
Roots and leaves: nothing but insert. Streams: no delete; the name stays, `seq` only grows, `head` moves only with it.

Test suites that empty all tables between tests may truncate: in a database whose name starts with "test_", and only
where the setting `wenguo.allow_truncate` is on (`PGOPTIONS="-c wenguo.allow_truncate=on"` in the environment).
Source: SY-2.
"""

from django.db import migrations

GUARDS = """
CREATE FUNCTION journal_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' AND current_database() LIKE 'test\\_%'
       AND current_setting('wenguo.allow_truncate', true) = 'on' THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'the journal is append-only: % on % refused (日志只增不改)', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE FUNCTION journal_event_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.private IS NULL AND NEW.salt IS NULL
       AND (to_jsonb(NEW) - 'private' - 'salt')::text = (to_jsonb(OLD) - 'private' - 'salt')::text THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'the journal is append-only: UPDATE on journal_event refused (日志只增不改)'
        USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE FUNCTION journal_stream_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.id = OLD.id AND NEW.kind = OLD.kind AND NEW.ref = OLD.ref AND NEW.opened_at = OLD.opened_at
       AND (NEW.seq > OLD.seq OR NEW.seq = OLD.seq AND NEW.head = OLD.head) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'the journal is append-only: UPDATE on journal_stream refused (日志只增不改)'
        USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER journal_event_update BEFORE UPDATE ON journal_event
    FOR EACH ROW EXECUTE FUNCTION journal_event_guard();
CREATE TRIGGER journal_event_delete BEFORE DELETE ON journal_event
    FOR EACH ROW EXECUTE FUNCTION journal_refuse();
CREATE TRIGGER journal_event_truncate BEFORE TRUNCATE ON journal_event
    FOR EACH STATEMENT EXECUTE FUNCTION journal_refuse();

CREATE TRIGGER journal_stream_update BEFORE UPDATE ON journal_stream
    FOR EACH ROW EXECUTE FUNCTION journal_stream_guard();
CREATE TRIGGER journal_stream_delete BEFORE DELETE ON journal_stream
    FOR EACH ROW EXECUTE FUNCTION journal_refuse();
CREATE TRIGGER journal_stream_truncate BEFORE TRUNCATE ON journal_stream
    FOR EACH STATEMENT EXECUTE FUNCTION journal_refuse();

CREATE TRIGGER journal_root_change BEFORE UPDATE OR DELETE ON journal_root
    FOR EACH ROW EXECUTE FUNCTION journal_refuse();
CREATE TRIGGER journal_root_truncate BEFORE TRUNCATE ON journal_root
    FOR EACH STATEMENT EXECUTE FUNCTION journal_refuse();

CREATE TRIGGER journal_leaf_change BEFORE UPDATE OR DELETE ON journal_leaf
    FOR EACH ROW EXECUTE FUNCTION journal_refuse();
CREATE TRIGGER journal_leaf_truncate BEFORE TRUNCATE ON journal_leaf
    FOR EACH STATEMENT EXECUTE FUNCTION journal_refuse();
"""

AWAY = """
DROP TRIGGER journal_event_update ON journal_event;
DROP TRIGGER journal_event_delete ON journal_event;
DROP TRIGGER journal_event_truncate ON journal_event;
DROP TRIGGER journal_stream_update ON journal_stream;
DROP TRIGGER journal_stream_delete ON journal_stream;
DROP TRIGGER journal_stream_truncate ON journal_stream;
DROP TRIGGER journal_root_change ON journal_root;
DROP TRIGGER journal_root_truncate ON journal_root;
DROP TRIGGER journal_leaf_change ON journal_leaf;
DROP TRIGGER journal_leaf_truncate ON journal_leaf;
DROP FUNCTION journal_refuse();
DROP FUNCTION journal_event_guard();
DROP FUNCTION journal_stream_guard();
"""


class Migration(migrations.Migration):
    dependencies = [("journal", "0001_journal")]
    operations = [migrations.RunSQL(GUARDS, AWAY)]

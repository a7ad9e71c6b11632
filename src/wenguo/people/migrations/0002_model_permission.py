"""The administrators of installations that stand already may decide about the models, as those of new ones."""

from django.db import migrations

GIVE = """
UPDATE people_role SET permissions = array_append(permissions, 'model.manage')
WHERE code = 'admin' AND built_in AND NOT 'model.manage' = ANY (permissions)
"""


class Migration(migrations.Migration):
    dependencies = [("people", "0001_initial")]

    operations = [migrations.RunSQL(GIVE, migrations.RunSQL.noop)]

"""Let PostgreSQL know more of the words that were said, so that it finds a rare one by the index and a frequent one by date.

With its usual 100 it knows about a thousand word pieces and guesses wrong about the rest; on a million cases a rare word
then takes a hundred times as long. The next (auto)analyze of the table reads them.
"""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("cases", "0003_reading")]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE cases_case ALTER COLUMN search SET STATISTICS 1000",
            "ALTER TABLE cases_case ALTER COLUMN search SET STATISTICS -1",
        ),
    ]

import django.db.models.deletion
from django.db import migrations, models

# What the journal tells of the cases there are; the indexes come after it.
FILL = """
    INSERT INTO cases_stay (case_id, stage, came_from, since, until)
    SELECT * FROM (
      SELECT id, stage, coalesce(lag(stage) OVER story, '') AS came_from, since, lead(since) OVER story AS until FROM (
        SELECT c.id, e.seq, e.data->'set'->>'stage' AS stage, e.at AS since
        FROM journal_event e JOIN cases_case c ON c.stream_id = e.stream_id WHERE e.data->'set' ? 'stage'
      ) AS moves WINDOW story AS (PARTITION BY id ORDER BY seq)
    ) AS stays
    WHERE stage NOT IN ('closed', 'archived')
"""


class Migration(migrations.Migration):
    dependencies = [("cases", "0018_meaning"), ("journal", "0002_guards")]

    operations = [
        migrations.CreateModel(
            name="Stay",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "stage",
                    models.CharField(
                        choices=[
                            ("received", "待受理"),
                            ("triage", "待分级"),
                            ("investigation", "调查中"),
                            ("resolution", "方案中"),
                            ("execution", "执行中"),
                            ("reply", "待回复"),
                            ("followup", "回访中"),
                            ("closed", "已结案"),
                            ("archived", "已归档"),
                        ],
                        max_length=16,
                    ),
                ),
                (
                    "came_from",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("received", "待受理"),
                            ("triage", "待分级"),
                            ("investigation", "调查中"),
                            ("resolution", "方案中"),
                            ("execution", "执行中"),
                            ("reply", "待回复"),
                            ("followup", "回访中"),
                            ("closed", "已结案"),
                            ("archived", "已归档"),
                        ],
                        default="",
                        max_length=16,
                    ),
                ),
                ("since", models.DateTimeField()),
                ("until", models.DateTimeField(null=True)),
                (
                    "case",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="stays",
                        to="cases.case",
                    ),
                ),
            ],
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
        migrations.AddIndex(model_name="stay", index=models.Index(fields=["case"], name="cases_stay_case")),
        migrations.AddIndex(
            model_name="stay",
            index=models.Index(fields=["until", "since"], include=("stage", "case"), name="cases_stay_until"),
        ),
        migrations.AddConstraint(
            model_name="stay",
            constraint=models.UniqueConstraint(
                condition=models.Q(("until", None)), fields=("case",), name="cases_stay_one_now"
            ),
        ),
    ]

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("cases", "0012_notice_names")]

    operations = [
        migrations.AddField(
            model_name="case",
            name="unanswered_since",
            field=models.DateTimeField(null=True, verbose_name="客户留言"),
        ),
        migrations.AddIndex(
            model_name="case",
            index=models.Index(
                condition=models.Q(("unanswered_since__isnull", False)),
                fields=["unanswered_since"],
                name="cases_unanswered",
            ),
        ),
    ]

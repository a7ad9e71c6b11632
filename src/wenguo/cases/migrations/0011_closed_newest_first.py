from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("cases", "0010_alike_and_groups")]

    operations = [
        migrations.AddIndex(
            model_name="case",
            index=models.Index(
                condition=models.Q(("stage__in", ["closed", "archived"])),
                fields=["-received_at", "-id"],
                name="cases_closed",
            ),
        ),
    ]

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("cases", "0011_closed_newest_first")]

    operations = [migrations.AddField(model_name="notice", name="names", field=models.JSONField(null=True))]

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("cases", "0017_tray_reasons")]

    operations = [
        migrations.AddField("trace", "meant", models.BinaryField(default=b"", db_default=b"")),
        migrations.AddField("trace", "meant_by", models.CharField(max_length=20, default="", db_default="")),
    ]

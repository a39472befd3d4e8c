from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("bookings", "0005_rooms_and_answers"),
    ]

    operations = [
        migrations.CreateModel(
            name="Tally",
            fields=[
                ("name", models.CharField(max_length=200, primary_key=True, serialize=False)),
                ("since_s", models.BigIntegerField(help_text="When the window began, in UTC seconds")),
                ("count", models.PositiveIntegerField()),
            ],
            options={
                "verbose_name_plural": "tallies",
            },
        ),
    ]

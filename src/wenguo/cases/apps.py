from django.apps import AppConfig


class Cases(AppConfig):
    name = "wenguo.cases"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from wenguo import journal
        from wenguo.cases import events, letters  # noqa: F401  event types and jobs are declared on import
        from wenguo.cases.forgetting import forget_words

        journal.subscribe("customer.erased", forget_words)

from django.apps import AppConfig

from wenguo import spoken


class WebConfig(AppConfig):
    name = "wenguo.web"
    label = "web"

    def ready(self) -> None:
        spoken.install()

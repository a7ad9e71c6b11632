from django.apps import AppConfig


class WebConfig(AppConfig):
    name = "wenguo.web"
    label = "web"

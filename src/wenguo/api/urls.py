from django.urls import path

from wenguo.api.door import api

urlpatterns = [path("", api.urls)]

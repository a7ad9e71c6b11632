from django.urls import path

from wenguo.api import cases, submissions
from wenguo.api.door import api

api.add_router("/submissions", submissions.router)
api.add_router("/cases", cases.router)

urlpatterns = [path("", api.urls)]

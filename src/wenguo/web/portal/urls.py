"""Addresses of the customer's own place, at the root."""

from django.urls import path

from wenguo.web.portal import files, home, progress, receipt, submit, survey, track

app_name = "portal"
urlpatterns = [
    path("", home.home, name="home"),
    path("notice/", home.notice, name="notice"),
    path("privacy/", home.privacy, name="privacy"),
    path("new/", submit.new, name="new"),
    path("new/done/<str:token>/", submit.done, name="done"),
    path("track/", track.find, name="track"),
    path("t/<str:token>/", progress.progress, name="progress"),
    path("t/<str:token>/message/", progress.say, name="say"),
    path("t/<str:token>/remind/", progress.remind, name="remind"),
    path("t/<str:token>/withdraw/", progress.withdraw, name="withdraw"),
    path("t/<str:token>/option/<int:pk>/", progress.answer, name="answer"),
    path("t/<str:token>/disagree/", progress.disagree, name="disagree"),
    path("t/<str:token>/receipt/", receipt.download, name="receipt"),
    path("t/<str:token>/file/<int:pk>/", files.whole, name="file"),
    path("t/<str:token>/file/<int:pk>/small/", files.small, name="thumbnail"),
    path("s/<str:token>/", survey.survey, name="survey"),
    path("verify/", receipt.verify, name="verify"),
]

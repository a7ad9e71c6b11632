from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone


@pytest.fixture
def now(desk: Any, settings: Any, tmp_path: Any) -> Any:
    """The world of the stories, at this moment; its files lie in a place of their own."""
    local = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": tmp_path}}
    settings.STORAGES = {**settings.STORAGES, "default": local}
    desk.now = timezone.now() - timedelta(minutes=10)
    return desk

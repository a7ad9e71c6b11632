"""The tables of `cases`, each defined in its chapter."""

from wenguo.cases.case import Case, Involvement, Record
from wenguo.cases.clock import Clock, Extension, Firing, Pause
from wenguo.cases.evidence import Evidence
from wenguo.cases.followup import Attempt, FollowUp, Survey
from wenguo.cases.handover import Handover, JointTask, Supervision
from wenguo.cases.intake import Submission
from wenguo.cases.links import Lookup
from wenguo.cases.notice import Notice
from wenguo.cases.reply import Reply, ReplyReview
from wenguo.cases.triage import Grading

__all__ = [
    "Attempt",
    "Case",
    "Clock",
    "Evidence",
    "Extension",
    "Firing",
    "FollowUp",
    "Grading",
    "Handover",
    "Involvement",
    "JointTask",
    "Lookup",
    "Notice",
    "Pause",
    "Record",
    "Reply",
    "ReplyReview",
    "Submission",
    "Supervision",
    "Survey",
]

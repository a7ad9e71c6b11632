"""The tables of `cases`, each defined in its chapter."""

from wenguo.cases.alike import Mark, Trace, WordCount
from wenguo.cases.approval import Approval
from wenguo.cases.assist import Assist
from wenguo.cases.case import Case, Involvement, Record
from wenguo.cases.causes import CauseNode
from wenguo.cases.clock import Clock, Extension, Firing, Pause
from wenguo.cases.evidence import Evidence
from wenguo.cases.execution import Measure
from wenguo.cases.export import EXPORTED
from wenguo.cases.followup import Attempt, FollowUp, Survey
from wenguo.cases.group import Group, Member
from wenguo.cases.handover import Handover, JointTask, Supervision
from wenguo.cases.inquiry import InfoRequest
from wenguo.cases.intake import Submission
from wenguo.cases.investigation import ChecklistTick, Fact, Finding
from wenguo.cases.links import Lookup
from wenguo.cases.model import ModelVersion
from wenguo.cases.notice import Notice
from wenguo.cases.option import Option
from wenguo.cases.override import Override
from wenguo.cases.payment import Payment
from wenguo.cases.presence import Watching
from wenguo.cases.reading import Reading
from wenguo.cases.reply import Reply, ReplyReview
from wenguo.cases.report import Report
from wenguo.cases.risk import Risk
from wenguo.cases.stay import Stay
from wenguo.cases.triage import Grading
from wenguo.cases.weights import RiskCheck, RiskModel

__all__ = [
    "EXPORTED",
    "Approval",
    "Assist",
    "Attempt",
    "Case",
    "CauseNode",
    "ChecklistTick",
    "Clock",
    "Evidence",
    "Extension",
    "Fact",
    "Finding",
    "Firing",
    "FollowUp",
    "Grading",
    "Group",
    "Handover",
    "InfoRequest",
    "Involvement",
    "JointTask",
    "Lookup",
    "Mark",
    "Measure",
    "Member",
    "ModelVersion",
    "Notice",
    "Option",
    "Override",
    "Pause",
    "Payment",
    "Reading",
    "Record",
    "Reply",
    "ReplyReview",
    "Report",
    "Risk",
    "RiskCheck",
    "RiskModel",
    "Stay",
    "Submission",
    "Supervision",
    "Survey",
    "Trace",
    "Watching",
    "WordCount",
]

"""No tables: what the demonstration company remembers of itself are events of the journal. See `growth`."""

from django.utils.translation import gettext_lazy as _

from wenguo import journal

FOUNDED = journal.define("demo.founded", _("建立演示公司"))
BEGUN = journal.define("demo.begun", _("开始生成演示投诉"))

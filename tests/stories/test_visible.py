"""Who may see a case: the set and the case in hand say the same."""

from wenguo.cases.case import Case
from wenguo.people.staff import Person


def test_a_case_in_hand_is_visible_to_whom_the_set_says(desk):
    near = desk.receives("净化器用了三天就不出风。", order_number="DD1")
    near = desk.triages(near, category="product.function", level=3)
    seen = set()
    for case in (desk.receives("退款一直没有到账。"), near):
        for person in Person.objects.all():
            expected = Case.objects.visible_to(person, desk.now).filter(pk=case.pk).exists()
            assert case.is_visible_to(Person.objects.get(pk=person.pk), desk.now) == expected, (case, person)
            seen.add(expected)
    assert seen == {True, False}

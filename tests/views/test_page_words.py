"""The words of a template: in the language of the moment, as markup, and always a format string."""

from __future__ import annotations

import pytest
from flask import render_template_string
from flask_babel import force_locale

pytestmark = pytest.mark.one_database

WORD = "{{ _('Amount') }}"


def test_a_word_follows_the_language_within_one_request(app):
    with app.test_request_context("/"):
        with force_locale("en"):
            assert render_template_string(WORD) == "Amount"
        with force_locale("fr"):
            french = render_template_string(WORD)
            assert french == "Montant"
            with force_locale("en"):
                assert render_template_string(WORD) == "Amount"
            assert render_template_string(WORD) == french


def test_figures_are_escaped_and_a_doubled_sign_is_one(app):
    with app.test_request_context("/"), force_locale("en"):
        assert render_template_string("{{ _('50%% of %(name)s', name='<b>') }}") == "50% of &lt;b&gt;"
        assert render_template_string("{{ _('50%%') }}") == "50%"
        one, two = (render_template_string("{{ ngettext('%(num)d <i>', '%(num)d <u>', n) }}", n=n) for n in (1, 2))
        assert (one, two) == ("1 <i>", "2 <u>")

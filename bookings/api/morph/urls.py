"""Morph's paths that we answer."""

from __future__ import annotations

from django.urls import URLPattern

from . import views

dialect = views.DIALECT
urlpatterns: list[URLPattern] = []

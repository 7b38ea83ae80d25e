package io.skerry.control.drift;

import io.skerry.api.Incident;

/** Outcomes show that accuracy fell in an incident's cohort; published after it was stored. */
public record HarmConfirmed(Incident incident) {}

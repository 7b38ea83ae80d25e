package io.skerry.control.drift;

import io.skerry.api.Incident;

/** A new cause of drift was found; published after it was stored. */
public record IncidentOpened(Incident incident) {}

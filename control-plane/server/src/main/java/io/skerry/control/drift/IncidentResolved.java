package io.skerry.control.drift;

import io.skerry.api.Incident;

/** An incident has ended; published after it was stored. */
public record IncidentResolved(Incident incident, String reason) {}

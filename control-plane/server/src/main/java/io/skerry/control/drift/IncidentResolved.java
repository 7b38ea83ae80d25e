package io.skerry.control.drift;

import io.skerry.api.Incident;
import io.skerry.control.sql.Transaction;

/** An incident has ended; told inside the transaction that stores it. */
public record IncidentResolved(Transaction transaction, Incident incident, String reason) {}

package io.skerry.control.drift;

import io.skerry.api.Incident;
import io.skerry.control.sql.Transaction;
import io.skerry.fleet.incident.Incident.Page;

/**
 * Outcomes show that accuracy fell in an incident's cohort, or scores let expect it, and nobody was
 * woken for that yet; told inside the transaction that stores it.
 */
public record HarmConfirmed(Transaction transaction, Incident incident, Page page) {}

package io.skerry.control.drift;

import io.skerry.api.Incident;
import io.skerry.control.sql.Transaction;

/**
 * Outcomes show that accuracy fell in an incident's cohort, and nobody was woken for that yet; told
 * inside the transaction that stores it.
 */
public record HarmConfirmed(Transaction transaction, Incident incident) {}

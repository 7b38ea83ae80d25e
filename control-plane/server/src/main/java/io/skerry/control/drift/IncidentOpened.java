package io.skerry.control.drift;

import io.skerry.api.Incident;
import io.skerry.control.sql.Transaction;
import io.skerry.fleet.incident.Incident.Page;
import java.util.Optional;

/**
 * A new cause of drift was found; told inside the transaction that stores it, so that what is kept
 * of it is kept with it.
 *
 * @param page why somebody must be woken at once, if so
 */
public record IncidentOpened(Transaction transaction, Incident incident, Optional<Page> page) {}

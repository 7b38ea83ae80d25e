/**
 * Incidents: one cause of drift is one incident, whatever many streams say about it.
 *
 * <p>Start at {@link IncidentMachine}.
 */
@NullMarked
package io.skerry.fleet.incident;

import org.jspecify.annotations.NullMarked;

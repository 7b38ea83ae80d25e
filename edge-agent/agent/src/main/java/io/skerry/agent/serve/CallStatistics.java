package io.skerry.agent.serve;

import io.skerry.agent.trace.TraceStatistics;
import java.util.List;
import java.util.Optional;

/**
 * What becomes of calls, whichever model they are for.
 *
 * @param waiting calls that wait for a place to run
 * @param applications ordered by name
 * @param traces what became of traced calls; empty where none are traced
 */
public record CallStatistics(
    int waiting, List<ApplicationStatistics> applications, Optional<TraceStatistics> traces) {
  public CallStatistics {
    applications = List.copyOf(applications);
  }
}

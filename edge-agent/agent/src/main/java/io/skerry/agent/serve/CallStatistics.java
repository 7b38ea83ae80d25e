package io.skerry.agent.serve;

import java.util.List;

/**
 * What becomes of calls, whichever model they are for.
 *
 * @param waiting calls that wait for a place to run
 * @param applications ordered by name
 */
public record CallStatistics(int waiting, List<ApplicationStatistics> applications) {
  public CallStatistics {
    applications = List.copyOf(applications);
  }
}

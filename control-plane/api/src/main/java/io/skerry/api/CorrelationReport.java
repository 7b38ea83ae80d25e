package io.skerry.api;

import java.util.List;

/**
 * Which features moved together in an incident's cohort before the onset and do not since, and what
 * that was read from: sums that devices send once a day.
 *
 * @param pairs those that changed most surely first
 * @param devices that told enough on both sides, half a day at least
 * @param devicesRead whose sums were read, chosen by a hash of their names
 * @param devicesKnown of the cohort that sent windows of the version in the days before the onset
 * @param daysBefore that the sums of a device are of, on average; 0 without devices
 * @param daysSince the same since the onset
 * @param partial share of these sums that are of less than a day, or do not say since when they
 *     are, 0 to 1
 */
public record CorrelationReport(
    List<CorrelationShift> pairs,
    int devices,
    int devicesRead,
    long devicesKnown,
    double daysBefore,
    double daysSince,
    double partial) {
  public CorrelationReport {
    pairs = List.copyOf(pairs);
  }
}

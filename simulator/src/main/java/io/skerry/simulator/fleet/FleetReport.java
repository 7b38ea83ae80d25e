package io.skerry.simulator.fleet;

/**
 * What a fleet counted since it started.
 *
 * @param devices simulated devices
 * @param failed predictions that failed although the device had a model
 * @param samples samples that entered the spools
 * @param waiting records of any stream that the control plane has not committed yet
 * @param dropped records of any stream that spools had to drop
 * @param lastFailure why the last failed prediction failed; empty when none did
 */
public record FleetReport(
    int devices,
    long predictions,
    long failed,
    long feedback,
    long samples,
    long waiting,
    long dropped,
    String lastFailure) {}

package io.skerry.agent.boot;

import io.skerry.agent.disk.Disk;
import io.skerry.agent.identity.DeviceIdentity;
import io.skerry.agent.model.EngineCatalog;
import io.skerry.profile.HardwareFacts;
import io.skerry.profile.ProfileCatalog;
import java.nio.file.Path;
import java.time.InstantSource;

/**
 * What one device agent needs.
 *
 * @param dataDir of this device only; holds its keys
 * @param facts what the device's hardware is; a simulated one says what it simulates
 * @param engines may be shared by many agents
 * @param profiles that models may be built for
 * @param executors may be shared by many agents
 * @param clock the machine's, which may be wrong
 * @param disk what the data folder lies on
 * @param spoolBytesMax disk for telemetry that is not committed yet
 * @param ringCapacity observations between two counts, a power of two
 * @param threadsMax threads that one prediction may use
 */
public record DeviceAgentConfig(
    Path dataDir,
    DeviceIdentity identity,
    HardwareFacts facts,
    EngineCatalog engines,
    ProfileCatalog profiles,
    AgentExecutors executors,
    InstantSource clock,
    Disk disk,
    long spoolBytesMax,
    int ringCapacity,
    int threadsMax) {
  /** Disk for telemetry unless told otherwise: 64 MiB. */
  public static final long SPOOL_BYTES = 64L << 20;

  /** Observations between two counts unless told otherwise. */
  public static final int RING_CAPACITY = 4096;

  /** The usual limits, the built-in profiles, this machine's disk and clock. */
  public static DeviceAgentConfig of(
      Path dataDir,
      DeviceIdentity identity,
      HardwareFacts facts,
      EngineCatalog engines,
      AgentExecutors executors) {
    return new DeviceAgentConfig(
        dataDir,
        identity,
        facts,
        engines,
        ProfileCatalog.builtIn(),
        executors,
        InstantSource.system(),
        Disk.local(),
        SPOOL_BYTES,
        RING_CAPACITY,
        Runtime.getRuntime().availableProcessors());
  }

  /** The same knowing these profiles. */
  public DeviceAgentConfig withProfiles(ProfileCatalog known) {
    return new DeviceAgentConfig(
        dataDir,
        identity,
        facts,
        engines,
        known,
        executors,
        clock,
        disk,
        spoolBytesMax,
        ringCapacity,
        threadsMax);
  }

  /** The same with other limits, for many agents in one process. */
  public DeviceAgentConfig withLimits(long spoolBytes, int ring, int threads) {
    return new DeviceAgentConfig(
        dataDir,
        identity,
        facts,
        engines,
        profiles,
        executors,
        clock,
        disk,
        spoolBytes,
        ring,
        threads);
  }

  /** The same on another disk and with another clock: for faults. */
  public DeviceAgentConfig with(Disk otherDisk, InstantSource otherClock) {
    return new DeviceAgentConfig(
        dataDir,
        identity,
        facts,
        engines,
        profiles,
        executors,
        otherClock,
        otherDisk,
        spoolBytesMax,
        ringCapacity,
        threadsMax);
  }
}

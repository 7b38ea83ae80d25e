package io.skerry.simulator.world;

import io.skerry.agent.uplink.LinkConfig;
import io.skerry.agent.uplink.ReportCadence;
import io.skerry.protocol.SamplingRates;
import java.time.Duration;

/**
 * What a simulated fleet is made of.
 *
 * @param devices how many
 * @param sites how many sites they are dealt to in turn, as a label
 * @param predictions of a device in a window
 * @param measured of them, those that go all the way through the predictor; the others are counted
 *     at once
 * @param outcomes share of the measured predictions whose actual outcome is told
 * @param window counting window
 * @param windowGrace time that a window's records have to arrive before it is judged
 * @param cadence of reports
 * @param timing of the devices' links
 * @param spoolBytesMax disk for a device's records
 * @param engineMillis how often rollouts are moved on
 * @param sweepMillis how often lagging devices are looked for
 * @param keepWindows whether judged windows are kept, to be judged once more
 */
public record Settings(
    int devices,
    int sites,
    int predictions,
    int measured,
    double outcomes,
    Duration window,
    Duration windowGrace,
    ReportCadence cadence,
    LinkConfig.Timing timing,
    long spoolBytesMax,
    SamplingRates sampling,
    long engineMillis,
    long sweepMillis,
    boolean keepWindows) {
  /** Small devices that are asked now and then: 6-hourly windows, a report a day. */
  public static Settings light(int devices) {
    return new Settings(
        devices,
        3,
        100,
        1,
        0,
        Duration.ofHours(6),
        Duration.ofMinutes(30),
        new ReportCadence(Duration.ofDays(1), Duration.ofDays(1)),
        LinkConfig.Timing.DEFAULTS,
        256 * 1024,
        new SamplingRates(.001, .01),
        World.MINUTE,
        World.MINUTE,
        devices <= 200);
  }

  /** The same with so much disk for a device's records. */
  public Settings withSpool(long bytes) {
    return new Settings(
        devices,
        sites,
        predictions,
        measured,
        outcomes,
        window,
        windowGrace,
        cadence,
        timing,
        bytes,
        sampling,
        engineMillis,
        sweepMillis,
        keepWindows);
  }

  /** Devices whose predictions all go through the predictor, with outcomes for half of them. */
  public static Settings busy(int devices) {
    return new Settings(
        devices,
        3,
        40,
        40,
        .5,
        Duration.ofHours(1),
        Duration.ofMinutes(5),
        new ReportCadence(Duration.ofMinutes(10), Duration.ofHours(1)),
        LinkConfig.Timing.DEFAULTS,
        1024 * 1024,
        new SamplingRates(.01, .05),
        30 * World.SECOND,
        30 * World.SECOND,
        true);
  }
}

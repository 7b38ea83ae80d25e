package io.skerry.control.packaging;

import io.micronaut.runtime.event.annotation.EventListener;
import io.skerry.api.TimingsTold;
import io.skerry.artifact.ArtifactException;
import io.skerry.artifact.DeviceTimings;
import io.skerry.artifact.DeviceTimings.Timing;
import io.skerry.control.audit.Actor;
import io.skerry.control.audit.AuditLog;
import io.skerry.control.device.Profiles;
import io.skerry.control.host.DataFolder;
import io.skerry.control.host.ServerReady;
import io.skerry.control.sql.Database;
import io.skerry.control.sql.Transaction;
import io.skerry.control.web.ProblemException;
import io.skerry.profile.Engine;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ErrorCode;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What devices measured of model files ({@code skerry agent bench --report}): it decides between
 * variants of profiles that this machine cannot time. Thread-safe.
 */
@Singleton
final class TimingReports {
  /** Where reports lie in a job's input. */
  static final String FOLDER = "timings";

  /** The most timings that are kept; the oldest are forgotten. */
  static final int KEPT_MAX = 10_000;

  /** The most timings of one report. */
  static final int OF_REPORT_MAX = 1_000;

  private static final Logger log = LoggerFactory.getLogger(TimingReports.class);
  private static final int DEVICE_CHARS_MAX = 200;

  private final Database database;
  private final Profiles profiles;
  private final AuditLog audit;
  private final Path old;

  TimingReports(Database database, Profiles profiles, AuditLog audit, DataFolder data) {
    this.database = database;
    this.profiles = profiles;
    this.audit = audit;
    this.old = data.root().resolve(FOLDER);
  }

  @EventListener
  void onReady(ServerReady ready) {
    List<Path> uncounted = uncounted();
    if (!uncounted.isEmpty()) {
      log.atWarn()
          .addKeyValue("folder", old)
          .addKeyValue("files", uncounted.size())
          .log(
              "timings in the data folder count no more: give each to the server with"
                  + " 'skerry import timings FILE', then remove the folder");
    }
  }

  /** Reports that an earlier version read from the data folder. */
  List<Path> uncounted() {
    try (DirectoryStream<Path> reports = Files.newDirectoryStream(old, "*.json")) {
      List<Path> found = new ArrayList<>();
      reports.forEach(found::add);
      return found;
    } catch (IOException | DirectoryIteratorException e) {
      // There is no such folder, as a rule.
      return List.of();
    }
  }

  /**
   * Keeps a report's timings, in place of what the device told of the same files before; packagings
   * that start from now on use them.
   *
   * @throws ProblemException if it is no report, or of a profile that nobody knows
   */
  TimingsTold tell(Actor actor, byte[] body) {
    DeviceTimings report = checked(body);
    database.run(
        transaction -> {
          keep(transaction, actor, report);
          audit.append(
              transaction,
              actor,
              AuditLog.Act.of(
                  "timings.told",
                  "profile/" + report.profile(),
                  "%d files on %s".formatted(report.timings().size(), report.device())));
        });
    return new TimingsTold(report.profile(), report.device(), report.timings().size());
  }

  private DeviceTimings checked(byte[] body) {
    DeviceTimings report;
    try {
      report = DeviceTimings.parse("the report", body);
    } catch (ArtifactException e) {
      throw new ProblemException(
          ErrorCode.REQUEST_INVALID,
          e.getMessage() + "; write it with 'skerry agent bench --report FILE'",
          e);
    }
    if (profiles.catalog().yaml(report.profile()).isEmpty()) {
      throw invalid(profiles.unknown(report.profile()));
    }
    if (report.device().isBlank()
        || report.device().length() > DEVICE_CHARS_MAX
        || report.device().chars().anyMatch(Character::isISOControl)) {
      throw invalid(
          "device: it must have 1 to %d characters, and no control characters"
              .formatted(DEVICE_CHARS_MAX));
    }
    if (report.timings().isEmpty() || report.timings().size() > OF_REPORT_MAX) {
      throw invalid(
          "timings: there are %d, expected 1 to %d"
              .formatted(report.timings().size(), OF_REPORT_MAX));
    }
    for (Timing timing : report.timings()) {
      if (Arrays.stream(Engine.values())
          .noneMatch(engine -> engine.text().equals(timing.engine()))) {
        throw invalid(
            "engine '%.100s' must be one of %s"
                .formatted(
                    timing.engine(), Arrays.stream(Engine.values()).map(Engine::text).toList()));
      }
    }
    return report;
  }

  private static ProblemException invalid(String detail) {
    return new ProblemException(ErrorCode.REQUEST_INVALID, detail);
  }

  private void keep(Transaction transaction, Actor actor, DeviceTimings report) {
    // One file may come twice in a report: the last counts.
    Map<Digest, Timing> byModel = new LinkedHashMap<>();
    report.timings().forEach(timing -> byModel.put(timing.model(), timing));
    for (Timing timing : byModel.values()) {
      transaction.update(
          """
          insert into timing (profile, model, device, engine, p50_micros, p99_micros, load_millis,
            peak_memory_bytes, calls, told_by, told_at)
          values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, now())
          on conflict (profile, model, device) do update set engine = excluded.engine,
            p50_micros = excluded.p50_micros, p99_micros = excluded.p99_micros,
            load_millis = excluded.load_millis, peak_memory_bytes = excluded.peak_memory_bytes,
            calls = excluded.calls, told_by = excluded.told_by, told_at = excluded.told_at
          """,
          report.profile(),
          timing.model().toString(),
          report.device(),
          timing.engine(),
          timing.p50Micros(),
          timing.p99Micros(),
          timing.loadMillis(),
          timing.peakMemoryBytes(),
          timing.calls(),
          actor.name());
    }
    transaction.update(
        """
        delete from timing where (profile, model, device) in (
          select profile, model, device from timing
          order by told_at desc, profile, model, device offset ?)
        """,
        KEPT_MAX);
  }

  /**
   * Writes what is known of these profiles into a job's input: of each device what it told last of
   * each file. The devices come in the order in which they last told anything; what several tell of
   * a file the packager puts together.
   */
  void write(Path to, List<String> chosen) throws IOException {
    Map<List<String>, List<Timing>> reports = new LinkedHashMap<>();
    database
        .call(
            transaction ->
                transaction.list(
                    """
                    select profile, model, device, engine, p50_micros, p99_micros, load_millis,
                      peak_memory_bytes, calls
                    from timing where profile = any(?)
                    order by profile, max(told_at) over (partition by profile, device), device,
                      model
                    """,
                    row ->
                        Map.entry(
                            List.of(row.text("profile"), row.text("device")),
                            new Timing(
                                Digest.parse(row.text("model")),
                                row.text("engine"),
                                row.number("p50_micros"),
                                row.number("p99_micros"),
                                row.number("load_millis"),
                                row.bigint("peak_memory_bytes"),
                                row.integer("calls"))),
                    chosen))
        .forEach(
            told ->
                reports
                    .computeIfAbsent(told.getKey(), unused -> new ArrayList<>())
                    .add(told.getValue()));
    if (reports.isEmpty()) {
      return;
    }
    Files.createDirectories(to);
    int number = 0;
    for (Map.Entry<List<String>, List<Timing>> report : reports.entrySet()) {
      List<String> of = report.getKey();
      List<Timing> all = report.getValue();
      for (int from = 0; from < all.size(); from += OF_REPORT_MAX) {
        List<Timing> some = all.subList(from, Math.min(all.size(), from + OF_REPORT_MAX));
        Files.write(
            to.resolve(String.format(Locale.ROOT, "%05d.json", number++)),
            new DeviceTimings(of.getFirst(), of.getLast(), some).json());
      }
    }
  }
}

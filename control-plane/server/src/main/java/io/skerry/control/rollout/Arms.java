package io.skerry.control.rollout;

import static java.util.stream.Collectors.joining;

import com.google.gson.Gson;
import com.google.gson.reflect.TypeToken;
import io.micronaut.runtime.event.annotation.EventListener;
import io.skerry.api.RunMetrics;
import io.skerry.control.device.Profiles;
import io.skerry.control.drift.Incidents;
import io.skerry.control.drift.Monitoring;
import io.skerry.control.ingest.RecordsStoring;
import io.skerry.control.ingest.StoredFeedback;
import io.skerry.control.rollout.RolloutOrder.Part;
import io.skerry.control.sql.Columns;
import io.skerry.control.sql.Row;
import io.skerry.control.sql.Transaction;
import io.skerry.fleet.gate.ArmCounts;
import io.skerry.fleet.gate.ArmCounts.Bins;
import io.skerry.fleet.gate.LatencyEdge;
import io.skerry.fleet.gate.LatencyHistory;
import io.skerry.fleet.gate.Metric;
import io.skerry.fleet.rollout.DeploymentState;
import io.skerry.profile.HardwareProfile;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.SlotId;
import io.skerry.telemetry.drift.MonitoredStreams;
import io.skerry.telemetry.sketch.MonitoringPlan;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Counts what the new and the old version do on each device, in the transaction that stores the
 * windows and outcomes: each counts once, as they do.
 *
 * <p>Controls are devices that run the model or are to get it, and were not touched yet; of a
 * trial, the version beside it on the same device, but for what belongs to the process that runs
 * both. Once that is promoted, controls are devices that wait for it; the trial goes on in their
 * process. Both sides count from the opening of the stage.
 */
@Singleton
final class Arms {
  private static final Logger log = LoggerFactory.getLogger(Arms.class);
  // Windows of each profile, of as many of its devices: of the newest of all there may be none of a
  // profile that few devices are of, and to look for some would read those of all others.
  private static final int HISTORY_MAX = 2000;
  private static final int HISTORY_DEVICES_MAX = 200;
  // Counts that are read for each of them at most: a device that runs the version for an hour, or
  // serves nothing in the slot, may have months of others.
  static final int HISTORY_STREAMS = 128;
  private static final String LATENCY = "$latency";
  private static final Gson GSON = new Gson();

  private final Profiles profiles;
  private final Monitoring monitoring;
  private final Incidents incidents;

  Arms(Profiles profiles, Monitoring monitoring, Incidents incidents) {
    this.incidents = incidents;
    this.profiles = profiles;
    this.monitoring = monitoring;
  }

  /**
   * Begins a stage's evidence. Fixes, before it has any, from which latency on a prediction is
   * slow, from which on it is over its profile's budget, and what range a model that says an amount
   * errs in.
   */
  void open(Transaction transaction, RolloutOrder order, int stage) {
    StageEvidence.forget(transaction, order.id(), stage);
    Map<String, Integer> edges = new TreeMap<>();
    List<String> known = RolloutTables.profiles(transaction, order.id());
    Map<String, Integer> resolutions = new HashMap<>();
    for (Part part : order.parts()) {
      Map<String, LatencyHistory> history = history(transaction, order, part);
      for (String profile : known) {
        LatencyHistory of = history.getOrDefault(profile, new LatencyHistory());
        of.edge(budget(profile)).ifPresent(edge -> edges.put(edgeOf(part, profile), edge));
        resolutions.merge(profile, of.resolution(), Math::max);
        if (of.resolution() > 1) {
          edges.put(resolutionOf(part, profile), of.resolution());
        }
      }
    }
    for (String profile : known) {
      budget(profile)
          .map(budget -> LatencyEdge.overBudget(budget, resolutions.getOrDefault(profile, 1)))
          .ifPresent(edge -> edges.put(budgetOf(profile), edge));
    }
    transaction.update(
        """
        update rollout_stage set edges = ?::jsonb, amounts = ?::jsonb where rollout = ? and stage = ?
        """,
        GSON.toJson(edges),
        GSON.toJson(amounts(transaction, order)),
        order.id().value(),
        stage);
  }

  private record OfSlot(String slot, double range) {}

  // Of several profiles the widest: both versions' errors have one measure, on all devices.
  private Map<String, Double> amounts(Transaction transaction, RolloutOrder order) {
    List<OfSlot> known = new ArrayList<>();
    transaction.forEach(
        "select slot, manifest from rollout_variant where rollout = ? order by slot, profile",
        row ->
            monitoring
                .amountRange(row.text("manifest"))
                .ifPresent(range -> known.add(new OfSlot(row.text("slot"), range))),
        order.id().value());
    Map<String, Double> amounts = new TreeMap<>();
    known.forEach(one -> amounts.merge(one.slot(), one.range(), Math::max));
    return amounts;
  }

  private static String edgeOf(Part part, String profile) {
    return part.slot() + "/" + profile;
  }

  // Neighbouring bins that are compared as one; 1 where it is not said.
  private static String resolutionOf(Part part, String profile) {
    return edgeOf(part, profile) + "/resolution";
  }

  // Beside the edges of "slot/profile": no slot is nameless.
  private static String budgetOf(String profile) {
    return "/" + profile;
  }

  // Of each profile by what most of its devices run: another profile's version may be another one.
  private static Map<String, LatencyHistory> history(
      Transaction transaction, RolloutOrder order, Part part) {
    Map<ModelVersion, List<String>> before = new LinkedHashMap<>();
    transaction.forEach(
        """
        select distinct on (device.profile) device.profile, report.running_model as model,
          report.running_version as version
        from device_slot_report report
        join device on device.id = report.device and device.profile is not null
        where report.slot = ? and report.running_model is not null
          and (report.running_model, report.running_version) <> (?, ?)
          and (report.running_model = ? or not exists (select from rollout_outsider outsider
            where outsider.rollout = ? and outsider.device = report.device))
        group by 1, 2, 3 order by 1, count(*) desc, 3 desc, 2
        """,
        row ->
            before
                .computeIfAbsent(RolloutTables.version(row), unused -> new ArrayList<>())
                .add(profile(row)),
        part.slot().value(),
        part.version().model().value(),
        part.version().version(),
        part.version().model().value(),
        order.id().value());
    Map<String, LatencyHistory> byProfile = new HashMap<>();
    before.forEach(
        (version, profiles) ->
            transaction.forEach(
                """
                select asked.profile, newest.counts, newest.fold
                from (
                  select device.profile, report.device,
                    count(*) over (partition by device.profile) as devices,
                    row_number() over (partition by device.profile order by md5(report.device))
                      as place
                  from device_slot_report report
                  join device on device.id = report.device and device.profile = any(?)
                  where report.slot = ? and report.running_model = ?
                    and report.running_version = ?) asked
                cross join lateral (
                  select s.counts, s.fold from (
                    select * from telemetry_window_stream
                    where device = asked.device
                    order by boot_epoch desc, sequence desc
                    limit ? * (? / least(?, asked.devices))) s
                  where s.model = ? and s.version = ? and s.slot = ? and s.stream = '$latency'
                  order by s.boot_epoch desc, s.sequence desc
                  limit ? / least(?, asked.devices)) newest
                where asked.place <= ?
                """,
                row ->
                    byProfile
                        .computeIfAbsent(profile(row), unused -> new LatencyHistory())
                        .add(
                            Bins.of(
                                Arrays.stream(row.bigints("counts")).boxed().toList(),
                                row.integer("fold"))),
                profiles,
                part.slot().value(),
                version.model().value(),
                version.version(),
                HISTORY_STREAMS,
                HISTORY_MAX,
                HISTORY_DEVICES_MAX,
                version.model().value(),
                version.version(),
                part.slot().value(),
                HISTORY_MAX,
                HISTORY_DEVICES_MAX,
                HISTORY_DEVICES_MAX));
    return byProfile;
  }

  private Optional<Duration> budget(String profile) {
    return profiles.catalog().profiles().stream()
        .filter(known -> known.id().equals(profile))
        .map(HardwareProfile::latencyBudget)
        .findFirst();
  }

  /** A rollout that collects evidence. */
  private record Collecting(
      RolloutOrder order,
      boolean promoting,
      int stage,
      Instant openedAt,
      Set<String> profiles,
      Map<String, Integer> edges,
      Map<String, Double> amounts) {
    /** The range of the amount that the new version says in a slot; null where it says none. */
    @Nullable Double amount(SlotId slot) {
      Part part = at(slot);
      return part == null ? null : amounts.get(part.slot().value());
    }

    String id() {
      return order.id().value();
    }

    @Nullable Part at(SlotId slot) {
      return order.parts().stream()
          .filter(part -> part.slot().equals(slot) || part.place(order.plan().kind()).equals(slot))
          .findFirst()
          .orElse(null);
    }
  }

  private record Key(String rollout, int stage, String slot, String device, boolean newer) {}

  private static final class Sums {
    final String profile;
    // Whether the stage is the device's own.
    final boolean own;
    // What the device tells of by what is counted next.
    Told told = Told.ALL;
    final ArmCounts counts = new ArmCounts();
    final TreeSet<Long> bootEpochs = new TreeSet<>();

    Sums(String profile, boolean own) {
      this.profile = profile;
      this.own = own;
    }
  }

  private record Deployed(DeploymentState state, int stage) {}

  /** What a device is evidence of. */
  private enum Told {
    ALL(true, true),
    /** On trial the old version's process is the new one's, too. */
    VERSION(true, false),
    /** Of an untouched device beside a trial, of which each device compares the versions itself. */
    PROCESS(false, true);

    private final boolean ofVersion;
    private final boolean ofProcess;

    Told(boolean ofVersion, boolean ofProcess) {
      this.ofVersion = ofVersion;
      this.ofProcess = ofProcess;
    }
  }

  // Memory 0 is not known.
  private record Device(String profile, double memoryBytes, Map<String, Deployed> deployments) {}

  @EventListener
  void onRecords(RecordsStoring stored) {
    Transaction transaction = stored.transaction();
    List<Collecting> collecting = collecting(transaction);
    if (collecting.isEmpty()) {
      return;
    }
    Set<DeviceId> ids = new HashSet<>();
    stored.windows().forEach(window -> ids.add(window.device()));
    stored.feedback().forEach(feedback -> ids.add(feedback.device()));
    Map<String, Device> devices = devices(transaction, ids);
    Set<Outsider> outsiders = outsiders(transaction, collecting, stored);
    Map<Key, Sums> sums = new LinkedHashMap<>();
    for (RecordsStoring.Window window : stored.windows()) {
      for (Collecting rollout : collecting) {
        if (isOfAnother(rollout, window.slot(), window.version())
            && outsiders.contains(new Outsider(rollout.id(), window.device().value()))) {
          continue;
        }
        Sums arm =
            arm(
                sums,
                rollout,
                devices,
                window.device(),
                window.slot(),
                window.version(),
                window.start());
        if (arm != null) {
          count(arm, rollout, window, devices);
        }
      }
    }
    Map<ModelVersion, Double> thresholds = new HashMap<>();
    for (StoredFeedback feedback : stored.feedback()) {
      if (feedback.prediction().isPresent()) {
        StoredFeedback.Prediction prediction = feedback.prediction().get();
        for (Collecting rollout : collecting) {
          if (isOfAnother(rollout, prediction.slot(), prediction.version())
              && outsiders.contains(new Outsider(rollout.id(), feedback.device().value()))) {
            continue;
          }
          Sums arm =
              arm(
                  sums,
                  rollout,
                  devices,
                  feedback.device(),
                  prediction.slot(),
                  prediction.version(),
                  prediction.at());
          if (arm != null && arm.told.ofVersion) {
            Double range = rollout.amount(prediction.slot());
            if (range == null) {
              double threshold =
                  thresholds.computeIfAbsent(
                      prediction.version(),
                      of -> incidents.threshold(transaction, of.model().value(), of.version()));
              count(arm, feedback.actual(), prediction, threshold);
            } else {
              countError(arm, feedback.actual(), prediction, range);
            }
          }
        }
      }
    }
    save(transaction, sums);
  }

  /** A device that no stage takes. */
  private record Outsider(String rollout, String device) {}

  // What runs another model and never gets this one is nothing to compare it with.
  private static boolean isOfAnother(Collecting rollout, SlotId slot, ModelVersion version) {
    Part part = rollout.at(slot);
    return part != null && !version.model().equals(part.version().model());
  }

  // Nearly always there are none: they are asked for where a device tells of another model only.
  private static Set<Outsider> outsiders(
      Transaction transaction, List<Collecting> collecting, RecordsStoring stored) {
    Set<String> rollouts = new HashSet<>();
    Set<String> devices = new HashSet<>();
    for (Collecting rollout : collecting) {
      for (RecordsStoring.Window window : stored.windows()) {
        if (isOfAnother(rollout, window.slot(), window.version())) {
          rollouts.add(rollout.id());
          devices.add(window.device().value());
        }
      }
      for (StoredFeedback feedback : stored.feedback()) {
        if (feedback.prediction().isPresent()
            && isOfAnother(
                rollout,
                feedback.prediction().get().slot(),
                feedback.prediction().get().version())) {
          rollouts.add(rollout.id());
          devices.add(feedback.device().value());
        }
      }
    }
    return devices.isEmpty()
        ? Set.of()
        : new HashSet<>(
            transaction.list(
                "select rollout, device from rollout_outsider where rollout = any(?) and device = any(?)",
                row -> new Outsider(row.text("rollout"), row.text("device")),
                rollouts,
                devices));
  }

  private static List<Collecting> collecting(Transaction transaction) {
    return transaction
        .list(
            """
            select r.id, r.definition, r.stage, r.stage_opened_at, r.profiles, s.edges, s.amounts,
              r.state @?? '$.promotion[0]' as promoting
            from rollout r join rollout_stage s on s.rollout = r.id and s.stage = r.stage
            where not r.released and r.phase in ('RUNNING', 'PAUSED')
              and r.stage_opened_at is not null
            """,
            Arms::readable)
        .stream()
        .flatMap(Optional::stream)
        .toList();
  }

  // The engine tells of one that cannot be read; what devices send is stored all the same.
  private static Optional<Collecting> readable(Row row) {
    try {
      RolloutOrder order = RolloutCodec.GSON.fromJson(row.text("definition"), RolloutOrder.class);
      boolean promoting = row.flag("promoting");
      return Optional.of(
          new Collecting(
              promoting ? order.promoted() : order,
              promoting,
              row.integer("stage"),
              row.instant("stage_opened_at"),
              Set.copyOf(row.texts("profiles")),
              GSON.fromJson(row.text("edges"), new TypeToken<Map<String, Integer>>() {}),
              GSON.fromJson(row.text("amounts"), new TypeToken<Map<String, Double>>() {})));
    } catch (RuntimeException e) {
      log.atDebug().setCause(e).addKeyValue("rollout", row.text("id")).log("nothing is counted");
      return Optional.empty();
    }
  }

  private static Map<String, Device> devices(Transaction transaction, Set<DeviceId> ids) {
    Map<String, Device> devices = new HashMap<>();
    transaction.forEach(
        """
        select device.id, device.profile, d.rollout, d.state, d.stage,
          coalesce((device.facts->>'memoryBytes')::double precision, 0) as memory
        from device left join deployment d on d.device = device.id and d.live
        where device.id = any(?) and device.profile is not null
        """,
        row -> {
          Device device =
              devices.computeIfAbsent(
                  row.text("id"),
                  unused -> new Device(profile(row), row.number("memory"), new HashMap<>()));
          row.optionalText("rollout")
              .ifPresent(
                  rollout ->
                      device
                          .deployments()
                          .put(
                              rollout,
                              new Deployed(
                                  DeploymentState.valueOf(row.text("state")),
                                  row.integer("stage"))));
        },
        ids.stream().map(DeviceId::value).toList());
    return devices;
  }

  private static String profile(Row row) {
    return row.text("profile");
  }

  private static @Nullable Sums arm(
      Map<Key, Sums> sums,
      Collecting rollout,
      Map<String, Device> devices,
      DeviceId id,
      SlotId slot,
      ModelVersion version,
      Instant at) {
    Device device = devices.get(id.value());
    Part part = rollout.at(slot);
    if (device == null
        || part == null
        || at.isBefore(rollout.openedAt())
        || !rollout.profiles().contains(device.profile())) {
      return null;
    }
    boolean newer = version.equals(part.version());
    Deployed deployed = device.deployments().get(rollout.order().id().value());
    DeploymentState state = deployed == null ? null : deployed.state();
    boolean trial = rollout.order().plan().kind().isTrial();
    Told told = newer ? ofNewer(state) : ofOlder(state, trial);
    if (told == null
        || (trial && newer != slot.equals(part.place(rollout.order().plan().kind())))) {
      return null;
    }
    Sums arm =
        sums.computeIfAbsent(
            new Key(
                rollout.order().id().value(),
                rollout.stage(),
                part.slot().value(),
                id.value(),
                newer),
            // A control's stage may be given later, but what runs the version has one that stays.
            unused ->
                new Sums(
                    device.profile(), deployed != null && deployed.stage() == rollout.stage()));
    arm.told = told;
    return arm;
  }

  private static @Nullable Told ofNewer(@Nullable DeploymentState state) {
    return state != null && state.isEvidence() ? Told.ALL : null;
  }

  private static @Nullable Told ofOlder(@Nullable DeploymentState state, boolean trial) {
    if (trial && state == DeploymentState.COMMITTED) {
      return Told.VERSION;
    }
    boolean untouched = state == null || state.isControl();
    return !untouched ? null : trial ? Told.PROCESS : Told.ALL;
  }

  private void count(
      Sums arm, Collecting rollout, RecordsStoring.Window window, Map<String, Device> devices) {
    if (arm.told.ofProcess) {
      // The first epoch that is known of a device is no restart; what was known before the table
      // knows.
      boolean another = arm.bootEpochs.add(window.bootEpoch()) && arm.bootEpochs.size() > 1;
      arm.counts.process(another ? 1 : 0);
      countMemory(arm, rollout, window, devices);
    }
    if (arm.told.ofVersion) {
      countVersion(arm, rollout, window);
    }
  }

  private void countVersion(Sums arm, Collecting rollout, RecordsStoring.Window window) {
    arm.counts.predictions(window.predictions(), window.predictionsFailed());
    Part part = Objects.requireNonNull(rollout.at(window.slot()));
    RecordsStoring.Counts latency = window.streams().get(LATENCY);
    Integer edge = rollout.edges().get(edgeOf(part, arm.profile));
    if (latency != null && edge != null) {
      arm.counts.latencies(bins(latency), edge);
    }
    Integer budget = rollout.edges().get(budgetOf(arm.profile));
    if (latency != null && budget != null) {
      arm.counts.latenciesOfBudget(bins(latency), budget);
    }
    int resolution = rollout.edges().getOrDefault(resolutionOf(part, arm.profile), 1);
    RecordsStoring.Counts scores = window.streams().get(MonitoredStreams.SCORE);
    if (scores != null) {
      monitoring
          .scores(window.manifest())
          .ifPresent(middles -> arm.counts.scores(bins(scores), middles, resolution));
    }
    RecordsStoring.Counts confidences = window.streams().get(MonitoringPlan.CONFIDENCE);
    RecordsStoring.Counts classes = window.streams().get(MonitoringPlan.CLASS);
    if (confidences != null && classes != null) {
      arm.counts.classes(bins(confidences), bins(classes), resolution);
    }
  }

  private static Bins bins(RecordsStoring.Counts counts) {
    return Bins.of(counts.bins(), counts.fold());
  }

  // On trial both versions lie in it: that is more than what the new one alone will take. Who waits
  // for what is promoted has it on trial still.
  private static void countMemory(
      Sums arm, Collecting rollout, RecordsStoring.Window window, Map<String, Device> devices) {
    Device device = devices.get(window.device().value());
    Part part = Objects.requireNonNull(rollout.at(window.slot()));
    boolean both = rollout.promoting() && !window.version().equals(part.version());
    if (device != null && !both && !rollout.order().plan().kind().isTrial()) {
      arm.counts.memory((double) window.residentBytes(), device.memoryBytes());
    }
  }

  private static void count(
      Sums arm, double actual, StoredFeedback.Prediction prediction, double threshold) {
    Optional<Boolean> right = prediction.isRight(actual, threshold);
    if (right.isPresent() && prediction.score().isPresent()) {
      arm.counts.outcomeOfTwo(actual, right.get());
    } else {
      right.ifPresent(arm.counts::outcomeOfSeveral);
    }
  }

  private static void countError(
      Sums arm, double actual, StoredFeedback.Prediction prediction, double range) {
    prediction.score().ifPresent(said -> arm.counts.outcomeOfAmount(actual, said, range));
  }

  private static void save(Transaction transaction, Map<Key, Sums> sums) {
    if (sums.isEmpty()) {
      return;
    }
    Columns rows = new Columns(11);
    Set<String> changed = new HashSet<>();
    sums.forEach(
        (key, arm) -> {
          changed.add(key.rollout());
          rows.add(
              key.rollout(),
              (long) key.stage(),
              key.slot(),
              key.device(),
              Boolean.toString(key.newer()),
              arm.profile,
              Boolean.toString(arm.own),
              literal(arm.counts.trials()),
              literal(arm.counts.hits()),
              arm.bootEpochs.isEmpty() ? 0L : arm.bootEpochs.getLast(),
              "{" + arm.bootEpochs.stream().map(Object::toString).collect(joining(",")) + "}");
        });
    transaction.update(
        """
        insert into rollout_arm as arm (rollout, stage, slot, device, newer, profile, own, trials,
          hits, boot_epoch, batch_epochs)
        select rollout, stage, slot, device, newer::boolean, profile, own::boolean,
          trials::double precision[], hits::double precision[], epoch, epochs::bigint[]
        from unnest(?::text[], ?::bigint[], ?::text[], ?::text[], ?::text[], ?::text[], ?::text[],
          ?::text[], ?::text[], ?::bigint[], ?::text[]) as given (rollout, stage, slot, device,
          newer, profile, own, trials, hits, epoch, epochs)
        order by rollout, stage, slot, device, newer
        on conflict (rollout, stage, slot, device, newer) do update set
          trials = (select array_agg(coalesce(x.was, 0) + coalesce(x.more, 0) order by x.i)
            from unnest(arm.trials, excluded.trials) with ordinality as x (was, more, i)),
          hits = (select array_agg(coalesce(x.was, 0)
              + case when x.i = ? and arm.boot_epoch > 0 then (select count(*)
                from unnest(excluded.batch_epochs) as epoch where epoch > arm.boot_epoch)
              else coalesce(x.more, 0) end order by x.i)
            from unnest(arm.hits, excluded.hits) with ordinality as x (was, more, i)),
          boot_epoch = greatest(arm.boot_epoch, excluded.boot_epoch),
          batch_epochs = excluded.batch_epochs
        """,
        rows.and(Metric.RESTARTS.number()));
    transaction.update(
        "insert into rollout_arm_change (rollout) select unnest(?::text[])", changed);
  }

  private static String literal(double[] values) {
    return "{"
        + Arrays.stream(values).mapToObj(Double::toString).reduce((a, b) -> a + "," + b).orElse("")
        + "}";
  }

  /** The accuracy that the version's evaluation promised, if it says one. */
  static OptionalDouble promise(Transaction transaction, ModelVersion version) {
    return transaction
        .first(
            "select metrics from model_version where model = ? and version = ?",
            row -> row.optionalText("metrics"),
            version.model().value(),
            version.version())
        .flatMap(metrics -> metrics)
        .map(json -> GSON.fromJson(json, RunMetrics.class))
        .map(metrics -> OptionalDouble.of(metrics.accuracy().low()))
        .orElse(OptionalDouble.empty());
  }
}

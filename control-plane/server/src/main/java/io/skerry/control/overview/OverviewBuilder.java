package io.skerry.control.overview;

import io.skerry.api.Attention;
import io.skerry.api.DatasetBatch;
import io.skerry.api.DeviceOverview;
import io.skerry.api.DeviceView;
import io.skerry.api.DriftOverview;
import io.skerry.api.FleetOverview;
import io.skerry.api.IncidentOverview;
import io.skerry.api.ModelView;
import io.skerry.api.Overview;
import io.skerry.api.Packaging;
import io.skerry.api.RolloutOverview;
import io.skerry.api.Run;
import io.skerry.api.Share;
import io.skerry.api.TelemetryView;
import io.skerry.api.WorkState;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Puts an overview together: counts, order, and what needs somebody. Pure. */
final class OverviewBuilder {
  static final int LINES_MAX = 500;
  static final int ATTENTION_MAX = 8;
  private static final Duration RECENT = Duration.ofMinutes(15);

  private final Instant now;
  private List<DatasetBatch> datasets = List.of();
  private List<Run> runs = List.of();
  private List<ModelView> models = List.of();
  private List<Packaging> packagings = List.of();
  private List<DeviceView> devices = List.of();
  private List<RolloutOverview> rollouts = List.of();
  private List<IncidentOverview> incidents = List.of();
  private List<DriftOverview> drift = List.of();
  private TelemetryView telemetry = new TelemetryView(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);

  OverviewBuilder(Instant now) {
    this.now = now;
  }

  void datasets(List<DatasetBatch> given) {
    datasets = given;
  }

  void runs(List<Run> given) {
    runs = given;
  }

  void models(List<ModelView> given) {
    models = given;
  }

  void packagings(List<Packaging> given) {
    packagings = given;
  }

  void devices(List<DeviceView> given) {
    devices = given;
  }

  void rollouts(List<RolloutOverview> given) {
    rollouts = given;
  }

  void incidents(List<IncidentOverview> given) {
    incidents = given;
  }

  void drift(List<DriftOverview> given) {
    drift = given;
  }

  void telemetry(TelemetryView given) {
    telemetry = given;
  }

  Overview build() {
    List<DeviceOverview> lines =
        devices.stream()
            .map(OverviewBuilder::line)
            .sorted(
                Comparator.comparingInt(OverviewBuilder::calmness)
                    .thenComparing(DeviceOverview::id))
            .toList();
    return new Overview(
        now,
        attention(lines),
        datasets,
        runs,
        models,
        packagings,
        new FleetOverview(
            devices.size(),
            (int) devices.stream().filter(DeviceView::online).count(),
            shares(lines, DeviceOverview::phase),
            shares(lines, line -> line.running() == null ? "nothing yet" : line.running()),
            shares(lines, line -> line.profile() == null ? "no profile fits" : line.profile()),
            lines.stream().limit(LINES_MAX).toList()),
        rollouts,
        incidents,
        drift,
        telemetry);
  }

  private List<Attention> attention(List<DeviceOverview> lines) {
    List<Attention> all = new ArrayList<>();
    incidents.stream()
        .filter(incident -> !Words.isClosed(incident.state()))
        .forEach(incident -> all.add(of(incident)));
    Set<String> seen = new HashSet<>();
    // Only the newest of a model: what came after it made the others history.
    rollouts.stream()
        .filter(rollout -> seen.add(rollout.model()))
        .forEach(rollout -> of(rollout, all));
    runs.stream()
        .filter(run -> run.state() == WorkState.FAILED && isRecent(run.finishedAt()))
        .forEach(
            run ->
                all.add(
                    new Attention(
                        "warn",
                        "Run %s failed".formatted(run.id()),
                        run.error() == null ? "" : run.error().detail(),
                        "runs")));
    long offline = lines.stream().filter(line -> !line.online()).count();
    if (offline > 0) {
      all.add(
          new Attention(
              "warn",
              Words.count(offline, "device") + " offline",
              lines.stream()
                  .filter(line -> !line.online())
                  .limit(4)
                  .map(DeviceOverview::id)
                  .collect(Collectors.joining(", ")),
              "devices"));
    }
    if (telemetry.quarantined() > 0) {
      all.add(
          new Attention(
              "warn",
              Words.count(telemetry.quarantined(), "record") + " could not be read",
              "kept in quarantine",
              "telemetry"));
    }
    all.sort(Comparator.comparing(Attention::level));
    return all.stream().limit(ATTENTION_MAX).toList();
  }

  private static Attention of(IncidentOverview incident) {
    String harm =
        incident.before() == null || incident.after() == null
            ? "not known yet whether it hurts"
            : "%s was %s, is %s on %s predictions with feedback"
                .formatted(
                    Words.metric(incident.metric()),
                    Words.decimal(incident.before()),
                    Words.decimal(incident.after()),
                    Words.number(incident.predictions() == null ? 0 : incident.predictions()));
    return new Attention(
        "bad", "%s drifted on %s".formatted(incident.feature(), incident.cohort()), harm, "drift");
  }

  private static void of(RolloutOverview rollout, List<Attention> all) {
    String name = "Rollout of %s@%d".formatted(rollout.model(), rollout.version());
    String reason = shortly(StageReason.of(rollout.reason()));
    if (Words.tone(rollout.state()).equals("bad")) {
      all.add(
          new Attention(
              "bad", "%s %s".formatted(name, Words.sentence(rollout.state())), reason, "rollouts"));
    } else if (Words.tone(rollout.state()).equals("warn")) {
      all.add(
          new Attention(
              "warn",
              "%s %s".formatted(name, Words.sentence(rollout.state())),
              reason,
              "rollouts"));
    }
  }

  private static String shortly(StageReason reason) {
    return reason.against().isEmpty()
        ? reason.lead()
        : "%s (%s): %s"
            .formatted(
                reason.against().getFirst().name(),
                reason.against().getFirst().scope(),
                reason.against().getFirst().numbers());
  }

  private boolean isRecent(@Nullable Instant moment) {
    return moment != null && moment.isAfter(now.minus(RECENT));
  }

  private static int calmness(DeviceOverview line) {
    if (!line.online() || line.predictionsFailed() > 0) {
      return 0;
    }
    return switch (Words.tone(line.phase())) {
      case "bad" -> 0;
      case "warn" -> 1;
      case "busy" -> 2;
      default -> 3;
    };
  }

  private static List<Share> shares(
      List<DeviceOverview> lines, Function<DeviceOverview, String> name) {
    return lines.stream()
        .collect(Collectors.groupingBy(name, Collectors.summingInt(line -> 1)))
        .entrySet()
        .stream()
        .map(entry -> new Share(entry.getKey(), entry.getValue()))
        .sorted(Comparator.comparingInt(Share::devices).reversed().thenComparing(Share::name))
        .toList();
  }

  private static DeviceOverview line(DeviceView device) {
    String labels =
        device.labels().entrySet().stream()
            .sorted(Map.Entry.comparingByKey())
            .map(entry -> entry.getKey() + "=" + entry.getValue())
            .collect(Collectors.joining(", "));
    if (device.slots().isEmpty()) {
      return new DeviceOverview(
          device.id(),
          labels,
          device.profile(),
          device.online(),
          device.lastSeenAt(),
          "NONE",
          null,
          null,
          0,
          0);
    }
    DeviceView.SlotView slot = device.slots().getFirst();
    String model = slot.runningModel();
    return new DeviceOverview(
        device.id(),
        labels,
        device.profile(),
        device.online(),
        device.lastSeenAt(),
        slot.phase(),
        model == null || model.isEmpty() ? null : model + "@" + slot.runningVersion(),
        error(slot),
        device.slots().stream().mapToLong(DeviceView.SlotView::predictions).sum(),
        device.slots().stream().mapToLong(DeviceView.SlotView::predictionsFailed).sum());
  }

  private static @Nullable String error(DeviceView.SlotView slot) {
    String code = slot.errorCode();
    if (code == null || code.isEmpty()) {
      return null;
    }
    String detail = slot.errorDetail();
    return detail == null || detail.isEmpty() ? code : code + ": " + detail;
  }
}

package io.skerry.control.rollout;

import io.skerry.api.FieldError;
import io.skerry.api.RolloutRequest;
import io.skerry.control.rollout.RolloutOrder.Part;
import io.skerry.control.web.ProblemException;
import io.skerry.fleet.gate.GateAction;
import io.skerry.fleet.gate.GateSettings;
import io.skerry.fleet.gate.GateSpec;
import io.skerry.fleet.gate.Metric;
import io.skerry.fleet.gate.ShareLimit;
import io.skerry.fleet.rollout.InvalidFieldException;
import io.skerry.fleet.rollout.MaintenanceWindow;
import io.skerry.fleet.rollout.Pace;
import io.skerry.fleet.rollout.RolloutKind;
import io.skerry.fleet.rollout.RolloutPlan;
import io.skerry.fleet.rollout.StageRule;
import io.skerry.protocol.CohortName;
import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.ProfileId;
import io.skerry.protocol.SamplingRates;
import io.skerry.protocol.SlotId;
import java.time.DateTimeException;
import java.time.DayOfWeek;
import java.time.Duration;
import java.time.LocalTime;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Reads requests for rollouts; what is wrong is told with its field. */
final class RolloutRequests {
  private static final List<RolloutRequest.StageRequest> STAGES =
      List.of(
          RolloutRequest.StageRequest.ofPercent(10),
          RolloutRequest.StageRequest.ofPercent(40),
          RolloutRequest.StageRequest.ofPercent(100));
  private static final List<Metric> METRICS =
      GateSettings.DEFAULTS.metrics().stream().map(GateSpec::metric).toList();
  // Of devices and not of predictions, so that it is no metric.
  private static final String DEVICE_FAILURES = "device-failures";
  private static final List<String> GATES =
      Stream.concat(Stream.of(DEVICE_FAILURES), METRICS.stream().map(Metric::wireName)).toList();
  private static final int SOAK_WINDOWS = 2;
  private static final int SOAK_WINDOWS_MAX = 10_000;
  private static final int WINDOW_MILLIS = 60_000;
  private static final int WINDOW_MILLIS_MIN = 1_000;
  private static final int WINDOW_MILLIS_MAX = 86_400_000;
  private static final int PARTS_MAX = 16;
  private static final int MISTAKES_MAX = 100;
  private static final double SHARE = .1;
  private static final SamplingRates SAMPLING = new SamplingRates(.1, 1);
  private static final String IS_NULL = "is null: fill it in or leave it out";
  private static final Duration LENGTH_MAX = Duration.ofDays(366);
  private static final Pattern LENGTH = Pattern.compile("(\\d{1,9})(ms|s|m|h|d)");

  private final RolloutRequest request;
  private final boolean approved;
  private final List<FieldError> mistakes = new ArrayList<>();

  private RolloutRequests(RolloutRequest request, boolean approved) {
    this.request = request;
    this.approved = approved;
  }

  /**
   * The wish of a request.
   *
   * @param approved whether somebody else than the author has to agree to every rollout
   * @throws ProblemException naming every field that is wrong
   */
  static RolloutWish read(RolloutRequest request, String author, boolean approved) {
    RolloutRequests reading = new RolloutRequests(request, approved);
    Optional<RolloutWish> wish = reading.wish(author);
    if (!reading.mistakes.isEmpty()) {
      throw ProblemException.ofFields(ErrorCode.REQUEST_INVALID, reading.mistakes);
    }
    return wish.orElseThrow();
  }

  // What is wrong is noted and read as if it had not been said, so that the rest can be looked at.
  private Optional<RolloutWish> wish(String author) {
    Duration window =
        Duration.ofMillis(
            tried(
                () ->
                    ranged(
                        "windowMillis",
                        request.windowMillis(),
                        WINDOW_MILLIS,
                        WINDOW_MILLIS_MIN,
                        WINDOW_MILLIS_MAX),
                WINDOW_MILLIS));
    Duration soak =
        window.multipliedBy(
            tried(
                () ->
                    ranged("soakWindows", request.soakWindows(), SOAK_WINDOWS, 0, SOAK_WINDOWS_MAX),
                SOAK_WINDOWS));
    if (approved && Boolean.FALSE.equals(request.approval())) {
      wrong(
          "approval",
          "here somebody else than its author approves every rollout (trust.rollouts-approved):"
              + " leave it out, or say true");
    }
    RolloutKind kind = tried(() -> kind(request), new RolloutKind.Replace());
    List<Part> parts = parts();
    if (kind.isTrial() && parts.size() > 1) {
      wrong("parts", "a trial is of one model: leave parts out");
    }
    List<StageRule> stages = stages();
    RolloutPlan.Limits limits = limits();
    RolloutPlan.Deadlines deadlines = deadlines(soak);
    GateSettings gates = gates(kind);
    RolloutRequest.SamplingRequest asked = request.sampling();
    SamplingRates sampling =
        asked == null
            ? SAMPLING
            : tried(
                () -> field("sampling", () -> SamplingRates.asked(asked.base(), asked.notable())),
                SAMPLING);
    if (!mistakes.isEmpty()) {
      return Optional.empty();
    }
    return tried(
        () ->
            Optional.of(
                new RolloutWish(
                    parts,
                    new RolloutPlan(
                        kind,
                        stages,
                        limits,
                        Boolean.TRUE.equals(request.dynamic()),
                        soak,
                        deadlines,
                        new RolloutPlan.Approval(
                            approved || Boolean.TRUE.equals(request.approval()), author),
                        gates),
                    window,
                    sampling,
                    Boolean.TRUE.equals(request.draft()))),
        Optional.empty());
  }

  private <T> T tried(Supplier<T> reading, T otherwise) {
    try {
      return reading.get();
    } catch (InvalidFieldException e) {
      wrong(e.field(), String.valueOf(e.getMessage()));
    } catch (IllegalArgumentException e) {
      // Messages of the gates begin with their field.
      String[] parts = String.valueOf(e.getMessage()).split(": ", 2);
      boolean named = parts.length == 2 && parts[0].startsWith("gates");
      wrong(named ? parts[0] : "", named ? parts[1] : String.valueOf(e.getMessage()));
    }
    return otherwise;
  }

  private void wrong(String field, String message) {
    if (mistakes.size() < MISTAKES_MAX) {
      mistakes.add(new FieldError(field, message));
    }
  }

  private static RolloutKind kind(RolloutRequest request) {
    String kind = request.kind() == null ? "REPLACE" : request.kind();
    boolean promote = !Boolean.FALSE.equals(request.promote());
    return switch (kind) {
      case "REPLACE" -> new RolloutKind.Replace();
      case "AB" ->
          new RolloutKind.Split(request.share() == null ? SHARE : request.share(), promote);
      case "SHADOW" -> new RolloutKind.Shadow(promote);
      default ->
          throw new InvalidFieldException(
              "kind", "'%.40s' must be REPLACE, AB or SHADOW".formatted(kind));
    };
  }

  private List<Part> parts() {
    List<Part> parts = new ArrayList<>();
    Set<SlotId> slots = new HashSet<>();
    note(
        parts,
        slots,
        () ->
            new Part(
                field("slot", () -> new SlotId(request.slot() == null ? "main" : request.slot())),
                version("model", request.model(), request.version())),
        "slot");
    List<RolloutRequest.PartRequest> others = request.parts();
    if (others != null && others.size() >= PARTS_MAX) {
      wrong("parts", "at most %d are possible".formatted(PARTS_MAX - 1));
    } else if (others != null) {
      for (int i = 0; i < others.size(); i++) {
        int index = i;
        String at = "parts[%d].".formatted(i);
        note(
            parts,
            slots,
            () -> {
              RolloutRequest.PartRequest part = given("parts", others, index);
              return new Part(
                  field(at + "slot", () -> new SlotId(part.slot())),
                  version(at + "model", part.model(), part.version()));
            },
            at + "slot");
      }
    }
    return parts;
  }

  private void note(List<Part> parts, Set<SlotId> slots, Supplier<Part> reading, String slotField) {
    Optional<Part> read = tried(() -> Optional.of(reading.get()), Optional.empty());
    read.ifPresent(
        part -> {
          if (slots.add(part.slot())) {
            parts.add(part);
          } else {
            wrong(slotField, "'%s' has a model in this rollout already".formatted(part.slot()));
          }
        });
  }

  private static ModelVersion version(String field, String model, long version) {
    return field(field, () -> new ModelVersion(new ModelName(model), version));
  }

  private static <T> T given(String field, List<T> elements, int index) {
    return Optional.ofNullable(elements.get(index))
        .orElseThrow(() -> new InvalidFieldException("%s[%d]".formatted(field, index), IS_NULL));
  }

  private static <T> T field(String field, Supplier<T> reading) {
    try {
      return reading.get();
    } catch (InvalidFieldException e) {
      throw e;
    } catch (IllegalArgumentException | NullPointerException e) {
      throw new InvalidFieldException(field, String.valueOf(e.getMessage()));
    }
  }

  private List<StageRule> stages() {
    int before = mistakes.size();
    List<RolloutRequest.StageRequest> asked =
        bounded(
            "stages",
            request.stages() == null ? STAGES : request.stages(),
            RolloutPlan.STAGES_MAX - 1);
    List<StageRule> stages = new ArrayList<>();
    for (int i = 0; i < asked.size(); i++) {
      int index = i;
      tried(
              () ->
                  Optional.of(stage("stages[%d]".formatted(index), given("stages", asked, index))),
              Optional.<StageRule>empty())
          .ifPresent(stages::add);
    }
    // Where one of them is none, nobody knows what the others have to be.
    if (mistakes.size() == before) {
      RolloutPlan.mistakes(stages)
          .forEach(mistake -> wrong(mistake.field(), String.valueOf(mistake.getMessage())));
    }
    return stages;
  }

  // Nothing of a list is read that is too long to be meant.
  private <T> List<T> bounded(String field, @Nullable List<T> asked, int most) {
    if (asked == null) {
      return List.of();
    }
    if (asked.size() > most) {
      wrong(field, "%d are too many: at most %d are possible".formatted(asked.size(), most));
      return List.of();
    }
    return asked;
  }

  private static StageRule stage(String at, RolloutRequest.StageRequest stage) {
    List<StageRule.Selection> given = new ArrayList<>();
    Optional.ofNullable(stage.percent())
        .map(StageRule.Selection.Percent::new)
        .ifPresent(given::add);
    Optional.ofNullable(stage.count()).map(StageRule.Selection.Count::new).ifPresent(given::add);
    Optional.ofNullable(stage.cohort())
        .map(
            cohort ->
                new StageRule.Selection.Cohort(field(at + ".cohort", () -> new CohortName(cohort))))
        .ifPresent(given::add);
    Optional.ofNullable(stage.profile())
        .map(
            profile ->
                new StageRule.Selection.Profile(
                    field(at + ".profile", () -> new ProfileId(profile))))
        .ifPresent(given::add);
    if (given.size() != 1) {
      throw new InvalidFieldException(
          at, "names %d of percent, count, cohort and profile: name one".formatted(given.size()));
    }
    return new StageRule(
        given.getFirst(),
        stage.minimum() == null ? 0 : stage.minimum(),
        Boolean.TRUE.equals(stage.pauseAfter()));
  }

  private RolloutPlan.Limits limits() {
    RolloutPlan.Limits none = RolloutPlan.Limits.NONE;
    Pace pace = tried(() -> pace(request.pace()), Pace.UNLIMITED);
    List<MaintenanceWindow> windows = windows(request.windows());
    return tried(
        () ->
            new RolloutPlan.Limits(
                request.holdback() == null ? 0 : request.holdback(),
                pace,
                request.inFlight() == null ? none.inFlight() : request.inFlight(),
                request.catchUp() == null ? none.catchUp() : request.catchUp(),
                windows),
        none);
  }

  private static Pace pace(RolloutRequest.@Nullable PaceRequest pace) {
    if (pace == null) {
      return Pace.UNLIMITED;
    }
    return new Pace(
        pace.perMinute(),
        pace.factor() == null ? 1 : pace.factor(),
        pace.every() == null ? 1 : pace.every(),
        one("pace.by", pace.by(), Pace.Growth.SUCCEEDED, Pace.Growth.values()),
        pace.perMinuteMax() == null ? Double.MAX_VALUE : pace.perMinuteMax());
  }

  private List<MaintenanceWindow> windows(@Nullable List<RolloutRequest.WindowRequest> given) {
    List<RolloutRequest.WindowRequest> asked = bounded("windows", given, RolloutPlan.WINDOWS_MAX);
    List<MaintenanceWindow> windows = new ArrayList<>();
    for (int i = 0; i < asked.size(); i++) {
      int index = i;
      tried(
              () ->
                  Optional.of(
                      window("windows[%d]".formatted(index), given("windows", asked, index))),
              Optional.<MaintenanceWindow>empty())
          .ifPresent(windows::add);
    }
    return windows;
  }

  private static MaintenanceWindow window(String at, RolloutRequest.WindowRequest window) {
    List<DayOfWeek> days = new ArrayList<>();
    if (window.days() == null) {
      days.addAll(List.of(DayOfWeek.values()));
    } else if (window.days().size() > DayOfWeek.values().length) {
      throw new InvalidFieldException(
          at + ".days", "%d are too many: a week has 7".formatted(window.days().size()));
    } else {
      for (int day = 0; day < window.days().size(); day++) {
        days.add(
            one(
                "%s.days[%d]".formatted(at, day),
                window.days().get(day),
                null,
                DayOfWeek.values()));
      }
    }
    try {
      return new MaintenanceWindow(
          days,
          time(at + ".from", window.from()),
          length(at + ".length", window.length(), Duration.ZERO),
          zone(at + ".zone", window.zone()));
    } catch (InvalidFieldException e) {
      // A window does not know which one it is.
      throw e.field().startsWith("windows.")
          ? new InvalidFieldException(
              at + e.field().substring("windows".length()), String.valueOf(e.getMessage()))
          : e;
    }
  }

  private static LocalTime time(String field, String value) {
    try {
      return LocalTime.parse(value);
    } catch (DateTimeException | NullPointerException e) {
      throw new InvalidFieldException(field, "'%s' is no time such as 22:00".formatted(value));
    }
  }

  private static ZoneId zone(String field, @Nullable String value) {
    try {
      return ZoneId.of(value == null ? "UTC" : value);
    } catch (DateTimeException e) {
      throw new InvalidFieldException(
          field, "'%.60s' is no time zone such as Europe/Oslo".formatted(value));
    }
  }

  private RolloutPlan.Deadlines deadlines(Duration soak) {
    RolloutPlan.Deadlines defaults = RolloutPlan.Deadlines.DEFAULTS;
    RolloutRequest.DeadlinesRequest asked = request.deadlines();
    Duration stage = soak.compareTo(defaults.stage()) > 0 ? soak.multipliedBy(2) : defaults.stage();
    if (asked == null) {
      return new RolloutPlan.Deadlines(
          defaults.start(), defaults.step(), defaults.progress(), stage);
    }
    Duration start = triedLength("deadlines.start", asked.start(), defaults.start());
    Duration step = triedLength("deadlines.step", asked.step(), defaults.step());
    Duration progress = triedLength("deadlines.progress", asked.progress(), defaults.progress());
    Duration end = triedLength("deadlines.stage", asked.stage(), stage);
    return tried(() -> new RolloutPlan.Deadlines(start, step, progress, end), defaults);
  }

  private Duration triedLength(String field, @Nullable String value, Duration otherwise) {
    return tried(() -> length(field, value, otherwise), otherwise);
  }

  private static Duration length(String field, @Nullable String value, Duration otherwise) {
    if (value == null) {
      return otherwise;
    }
    Matcher matcher = LENGTH.matcher(value);
    if (!matcher.matches()) {
      throw new InvalidFieldException(
          field, "'%.40s' is no length such as 90s, 30m, 4h or 2d".formatted(value));
    }
    long number = Long.parseLong(matcher.group(1));
    Duration length =
        switch (matcher.group(2)) {
          case "ms" -> Duration.ofMillis(number);
          case "s" -> Duration.ofSeconds(number);
          case "m" -> Duration.ofMinutes(number);
          case "h" -> Duration.ofHours(number);
          default -> Duration.ofDays(number);
        };
    if (length.compareTo(LENGTH_MAX) > 0) {
      throw new InvalidFieldException(
          field, "'%s' is longer than %dd".formatted(value, LENGTH_MAX.toDays()));
    }
    return length;
  }

  private GateSettings gates(RolloutKind kind) {
    GateSettings settings = GateSettings.DEFAULTS;
    GateAction onFailed = settings.failures().action();
    settings =
        settings.with(
            settings
                .failures()
                .doing(
                    tried(
                        () ->
                            one(
                                "onFailedDevices",
                                request.onFailedDevices(),
                                onFailed,
                                GateAction.values()),
                        onFailed)));
    Set<Metric> seen = new HashSet<>();
    // Each metric comes once at most.
    List<RolloutRequest.GateRequest> asked = bounded("gates", request.gates(), GATES.size());
    for (int i = 0; i < asked.size(); i++) {
      GateSettings before = settings;
      String at = "gates[%d]".formatted(i);
      RolloutRequest.GateRequest gate = asked.get(i);
      int index = i;
      settings =
          gate != null && DEVICE_FAILURES.equals(gate.metric())
              ? tried(
                  () -> before.with(failures(at, before.failures(), gate, index, asked)), before)
              : tried(() -> before.with(gate(at, before, kind, seen, gate)), before);
    }
    return settings;
  }

  // Of devices and not of predictions: nothing is compared, and the sample lets the stage pass.
  private ShareLimit failures(
      String at,
      ShareLimit before,
      RolloutRequest.GateRequest gate,
      int index,
      List<RolloutRequest.GateRequest> asked) {
    boolean twice =
        asked.subList(0, index).stream()
            .anyMatch(one -> one != null && DEVICE_FAILURES.equals(one.metric()));
    if (twice) {
      throw new InvalidFieldException(at + ".metric", "'%s' comes twice".formatted(gate.metric()));
    }
    if (gate.tolerance() != null || gate.promote() != null) {
      throw new InvalidFieldException(
          at + (gate.tolerance() != null ? ".tolerance" : ".promote"),
          "'%s' compares with no version before: give a limit".formatted(gate.metric()));
    }
    if (gate.action() != null && request.onFailedDevices() != null) {
      throw new InvalidFieldException(
          at + ".action", "onFailedDevices says it already: leave one of them out");
    }
    double limit = gate.limit() == null ? before.share() : gate.limit();
    if (!(limit >= 0 && limit <= 1)) {
      throw new InvalidFieldException(at + ".limit", limit + " must be 0 to 1");
    }
    long sample = gate.trialsMin() == null ? before.sampleMin() : gate.trialsMin();
    if (sample < 1) {
      throw new InvalidFieldException(at + ".trialsMin", sample + " must be at least 1");
    }
    return new ShareLimit(
        limit,
        sample,
        before.required(),
        one(at + ".action", gate.action(), before.action(), GateAction.values()));
  }

  private static GateSpec gate(
      String at,
      GateSettings settings,
      RolloutKind kind,
      Set<Metric> seen,
      RolloutRequest.@Nullable GateRequest gate) {
    if (gate == null) {
      throw new InvalidFieldException(at, IS_NULL);
    }
    Metric metric =
        Metric.ofWireName(String.valueOf(gate.metric()))
            .filter(METRICS::contains)
            .orElseThrow(
                () ->
                    new InvalidFieldException(
                        at + ".metric",
                        "'%.40s' must be one of %s".formatted(gate.metric(), GATES)));
    if (!seen.add(metric)) {
      throw new InvalidFieldException(at + ".metric", "'%s' comes twice".formatted(gate.metric()));
    }
    // What is promoted is heard, and judged by them.
    if (metric.isOfOutcomes() && kind instanceof RolloutKind.Shadow && !kind.promotes()) {
      throw new InvalidFieldException(
          at + ".metric",
          "'%s' cannot be judged in a SHADOW trial: nobody hears its version's answers, so that they have no outcomes; leave it out, promote it, or try the version as AB"
              .formatted(gate.metric()));
    }
    return changed(at, settings, metric, gate);
  }

  private static GateSpec changed(
      String at, GateSettings settings, Metric metric, RolloutRequest.GateRequest gate) {
    GateSpec before =
        settings.metrics().stream()
            .filter(spec -> spec.metric() == metric)
            .findFirst()
            .orElseThrow(() -> new IllegalStateException("no gate of " + metric));
    return new GateSpec(
        metric,
        gate.tolerance() == null ? before.tolerance() : gate.tolerance(),
        gate.limit() == null ? before.limit() : gate.limit(),
        one(at + ".promote", gate.promote(), before.promote(), GateSpec.Promote.values()),
        one(at + ".action", gate.action(), before.action(), GateAction.values()),
        gate.trialsMin() == null ? before.trialsMin() : gate.trialsMin());
  }

  private static <E extends Enum<E>> E one(
      String field, @Nullable String value, @Nullable E otherwise, E[] values) {
    if (value == null && otherwise != null) {
      return otherwise;
    }
    return Arrays.stream(values)
        .filter(one -> one.name().equals(value))
        .findFirst()
        .orElseThrow(
            () ->
                new InvalidFieldException(
                    field, "'%.40s' must be one of %s".formatted(value, Arrays.toString(values))));
  }

  private static int ranged(
      String field, @Nullable Integer value, int otherwise, int least, int most) {
    if (value == null) {
      return otherwise;
    }
    if (value < least || value > most) {
      throw new InvalidFieldException(field, "%d must be %d to %d".formatted(value, least, most));
    }
    return value;
  }
}

package io.skerry.control.overview;

import io.skerry.api.DriftOverview;
import io.skerry.api.EventMark;
import io.skerry.api.Incident;
import io.skerry.api.Interval;
import io.skerry.api.ModelVersionView;
import io.skerry.api.Overview;
import io.skerry.api.SliceMetrics;
import io.skerry.api.Variant;
import io.skerry.api.VariantQuality;
import io.skerry.api.VariantState;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Figures and states as the console writes them. */
public final class Words {
  private static final Set<String> GOOD =
      Set.of("COMMITTED", "ALREADY_INSTALLED", "SUCCEEDED", "PASSED", "PASS", "RESOLVED");
  private static final Set<String> BAD =
      Set.of(
          "FAILED",
          "FAIL",
          "ROLLED_BACK",
          "ROLLING_BACK",
          "REJECTED",
          "TIMED_OUT",
          "RESTORE_FAILED",
          "ABORTED",
          "ABORTING",
          "OPEN",
          "HARM_CONFIRMED");
  private static final Set<String> WARN =
      Set.of("PAUSED", "WAITING_FOR_APPROVAL", "INCONCLUSIVE", "NO_DATA", "NOT_REACHED");
  private static final Set<String> WAITING =
      Set.of(
          "IDLE", "NONE", "DRAFT", "PENDING", "QUEUED", "CANCELLED", "SUPERSEDED", "NOT_ELIGIBLE");
  private static final int HUES = 5;

  private Words() {}

  /** good, busy, warn, bad or muted: the style class of a state. */
  public static String tone(String state) {
    if (GOOD.contains(state)) {
      return "good";
    }
    if (BAD.contains(state)) {
      return "bad";
    }
    if (WARN.contains(state)) {
      return "warn";
    }
    return WAITING.contains(state) ? "muted" : "busy";
  }

  /** A sign that stands before a state's word, so that colour is never alone. */
  public static String icon(String state) {
    return switch (tone(state)) {
      case "good" -> "✓";
      case "bad" -> "✕";
      case "warn" -> "▲";
      case "muted" -> "○";
      default -> "●";
    };
  }

  /** The cohort that moved, or both of which one did. */
  public static String cohorts(Incident incident) {
    return incident.otherwise().isEmpty()
        ? incident.cohort()
        : "either %s or %s".formatted(incident.cohort(), incident.otherwise());
  }

  /** Whether an incident needs nobody any more. */
  public static boolean isClosed(String state) {
    return GOOD.contains(state);
  }

  /** ROLLED_BACK becomes rolled back. */
  public static String sentence(String state) {
    return state.toLowerCase(Locale.ROOT).replace('_', ' ');
  }

  /** What a stream is judged by, as people say it. */
  public static String kind(String kind) {
    return switch (kind) {
      case "LOCATION" -> "mean";
      case "CONDITIONAL" -> "mean, less what the other features let expect";
      case "SCALE" -> "spread";
      case "QUALITY" -> "share of values that are missing or impossible";
      case "STUCK" -> "share of values that repeat";
      case "CATEGORY" -> "share of a category";
      case "OUTPUT" -> "mean of an output";
      case "SHARE" -> "share of a class";
      case "ERROR" -> "share of wrong predictions";
      default -> sentence(kind);
    };
  }

  /** A stream with its kind before it, the other way round. */
  public static String firedBy(String kindAndName) {
    int space = kindAndName.indexOf(' ');
    return space < 0
        ? kindAndName
        : kindAndName.substring(space + 1) + ", " + kind(kindAndName.substring(0, space));
  }

  /** The fill of a share of the fleet: by its meaning for phases, else by its place. */
  public static String fill(String name, boolean phases, int place) {
    if (phases) {
      return switch (tone(name)) {
        case "good" -> "good-fill";
        case "bad" -> "bad-fill";
        case "muted" -> "idle-fill";
        default -> "busy-fill";
      };
    }
    return "hue-" + Math.floorMod(place, HUES);
  }

  /** 12345 becomes 12,345. */
  public static String number(long value) {
    return String.format(Locale.ROOT, "%,d", value);
  }

  /** One device, 2 devices. */
  public static String count(long count, String noun) {
    return number(count) + " " + noun + (count == 1 ? "" : "s");
  }

  /** Three decimals. */
  public static String decimal(@Nullable Double value) {
    return decimal(value, 3);
  }

  /** A number of decimals; a dash when there is no value. */
  public static String decimal(@Nullable Double value, int places) {
    return value == null || !Double.isFinite(value)
        ? "–"
        : String.format(Locale.ROOT, "%." + places + "f", value);
  }

  /** With its sign and one decimal. */
  public static String signed(@Nullable Double value) {
    return signed(value, 1);
  }

  /** With its sign and a number of decimals. */
  public static String signed(@Nullable Double value, int places) {
    return value == null || !Double.isFinite(value)
        ? "–"
        : String.format(Locale.ROOT, "%+." + places + "f", value).replace('-', '−');
  }

  /** How far what an incident is about moved, in its own unit, for a table. */
  public static String moved(Incident incident) {
    if (incident.shiftSigma() != null) {
      return signed(incident.shiftSigma()) + " σ";
    }
    Incident.Effect effect = incident.effect();
    return switch (effect.kind()) {
      case "LOCATION", "CONDITIONAL", "OUTPUT" -> "mean " + signed(effect.value(), 3);
      case "SCALE" -> "spread " + signed(effect.value(), 3);
      default -> signed(100 * effect.value()) + " points";
    };
  }

  /** The ends of a confidence interval. */
  public static String range(Interval interval) {
    return range(interval, 3);
  }

  /** The same with a number of decimals. */
  public static String range(Interval interval, int places) {
    return decimal(interval.low(), places) + " – " + decimal(interval.high(), places);
  }

  /** A share given in percent. */
  public static String percent(double percent) {
    return percent == Math.rint(percent)
        ? (long) percent + " %"
        : String.format(Locale.ROOT, "%.1f %%", percent);
  }

  /** Width in percent, 0 to 100. */
  public static String share(double part, double whole) {
    double share = whole > 0 && Double.isFinite(part) ? 100 * part / whole : 0;
    return String.format(Locale.ROOT, "%.1f", Math.clamp(share, 0, 100));
  }

  /** Width in percent of a value from 0 to 1. */
  public static String share(@Nullable Double value) {
    return share(value == null ? 0 : value, 1);
  }

  /** How long ago, in its largest unit. */
  public static String age(Instant then, Instant now) {
    long seconds = Math.max(0, Duration.between(then, now).toSeconds());
    if (seconds < 60) {
      return seconds + " s ago";
    }
    if (seconds < 3_600) {
      return seconds / 60 + " min ago";
    }
    return seconds < 86_400 ? seconds / 3_600 + " h ago" : seconds / 86_400 + " d ago";
  }

  /** A length of time in its largest whole unit. */
  public static String span(long millis) {
    if (millis % 3_600_000 == 0) {
      return millis / 3_600_000 + " h";
    }
    return millis % 60_000 == 0 ? millis / 60_000 + " min" : plain(millis / 1_000.0) + " s";
  }

  /** A number of bytes in its largest unit. */
  public static String bytes(long bytes) {
    if (bytes < 1_024) {
      return bytes + " B";
    }
    return bytes < 1 << 20
        ? String.format(Locale.ROOT, "%.1f KiB", bytes / 1_024.0)
        : String.format(Locale.ROOT, "%.1f MiB", bytes / 1_048_576.0);
  }

  /** Microseconds, or milliseconds from one on. */
  public static String micros(@Nullable Double micros) {
    if (micros == null) {
      return "–";
    }
    return micros < 1_000
        ? String.format(Locale.ROOT, "%.0f µs", micros)
        : String.format(Locale.ROOT, "%.1f ms", micros / 1_000);
  }

  /** The first digits of a digest. */
  public static String digest(String digest) {
    int hex = digest.indexOf(':') + 1;
    return digest.substring(hex, Math.min(digest.length(), hex + 12));
  }

  /** balancedAccuracy becomes balanced accuracy. */
  public static String metric(@Nullable String name) {
    return name == null ? "" : name.replaceAll("([A-Z])", " $1").toLowerCase(Locale.ROOT);
  }

  /** What a variant is judged by, as people write it. */
  public static String measure(String metric) {
    return switch (metric) {
      case "rocAuc" -> "ROC AUC";
      case "rmse" -> "RMSE";
      case "mae" -> "MAE";
      case "meanAveragePrecision" -> "mAP";
      case "meanIou" -> "mean IoU";
      default -> metric(metric);
    };
  }

  /** Whether no labels were given, so that the given model itself is the judge. */
  public static boolean isJudgedByAgreement(ModelVersionView version) {
    return version.variants().stream()
        .map(Variant::quality)
        .anyMatch(quality -> quality != null && quality.metric().equals(VariantQuality.AGREEMENT));
  }

  /** ONNX Runtime or TFLite. */
  public static String engine(Variant variant) {
    return switch (variant.engine()) {
      case "onnxruntime" -> "ONNX Runtime";
      case "tflite" -> "TFLite";
      default -> variant.engine();
    };
  }

  /** How near a stream is to its limit: bad, warn or good. */
  public static String level(DriftOverview stream) {
    if (stream.value() >= stream.threshold()) {
      return "bad";
    }
    return stream.value() >= 0.6 * stream.threshold() ? "warn" : "good";
  }

  /** A value in a query or a path. */
  public static String query(String value) {
    return URLEncoder.encode(value, StandardCharsets.UTF_8);
  }

  /** How far a clock is off. */
  public static String skew(@Nullable Long millis) {
    if (millis == null) {
      return "–";
    }
    long seconds = Math.abs(millis) / 1000;
    return seconds < 5 ? "right" : "%,d s %s".formatted(seconds, millis > 0 ? "ahead" : "behind");
  }

  /** A number without needless decimals. */
  public static String plain(double value) {
    return value == Math.rint(value) ? String.valueOf((long) value) : decimal(value);
  }

  /** Challenger against champion on a slice. */
  public static String slice(SliceMetrics slice) {
    String challenger =
        slice.challenger() == null ? "–" : decimal(slice.challenger().rocAuc().value());
    String champion = slice.champion() == null ? "–" : decimal(slice.champion().rocAuc().value());
    return "on %s: %s, before %s (n = %d)"
        .formatted(slice.name(), challenger, champion, slice.examples());
  }

  /** The id of the rollout that an event is. */
  public static String rollout(EventMark mark) {
    return mark.detail().split(" ", 2)[0];
  }

  /** What a comparison says of an event near an incident's onset. */
  public static String check(EventMark.@Nullable Check check) {
    if (check == null) {
      return "came after the onset, or lies far from it";
    }
    String moved =
        "reached devices moved by %s more than the others (%s to %s, 95 %%)"
            .formatted(signed(check.difference()), signed(check.low()), signed(check.high()));
    return switch (check.answer()) {
      case "SUPPORTED" -> "may be the cause: " + moved;
      case "REFUTED" -> "not the cause: " + moved;
      case "UNCLEAR" -> "not certain: " + moved;
      default -> "cannot be told: it reached too few devices, or too many";
    };
  }

  /** Why nothing needs anybody. */
  public static String calm(Overview overview) {
    return overview.fleet().devices() == 0
        ? "No device is enrolled."
        : "%s, %d online, no open incident, no rollout halted."
            .formatted(count(overview.fleet().devices(), "device"), overview.fleet().online());
  }

  /** Hardware profiles that any version has a variant for, by name. */
  public static List<String> profiles(Overview overview) {
    return overview.models().stream()
        .flatMap(model -> model.versions().stream())
        .flatMap(version -> version.variants().stream())
        .map(Variant::profile)
        .distinct()
        .sorted()
        .toList();
  }

  /** Hardware profiles that a version has a variant for, by name. */
  public static List<String> profiles(ModelVersionView version) {
    return version.variants().stream().map(Variant::profile).distinct().sorted().toList();
  }

  /** All candidates of a profile. */
  public static List<Variant> of(ModelVersionView version, String profile) {
    return version.variants().stream().filter(one -> one.profile().equals(profile)).toList();
  }

  /** The variant that devices of this profile get. */
  public static @Nullable Variant winner(ModelVersionView version, String profile) {
    return version.variants().stream()
        .filter(variant -> variant.winner() && variant.profile().equals(profile))
        .findFirst()
        .orElse(null);
  }

  /** Whether no rollout takes it before the release key's holders signed. */
  public static boolean awaitsSignature(Variant variant) {
    return variant.state() == VariantState.AWAITING_SIGNATURE;
  }

  static boolean isSmallWinner(Variant variant) {
    return variant.winner() && variant.precision().equals("int8");
  }
}

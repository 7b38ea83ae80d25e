package io.skerry.artifact.job;

import io.skerry.protocol.ErrorCode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The keys of {@code job.yaml}, each read with its type; a fault names the key. */
public final class JobSpec {
  private final Map<String, Object> keys;

  public JobSpec(Map<String, Object> keys) {
    this.keys = Map.copyOf(keys);
  }

  /** All keys with their values. */
  public Map<String, Object> keys() {
    return keys;
  }

  /**
   * The text of a key that must be there.
   *
   * @throws JobFailure if it is missing or no text
   */
  public String text(String key) {
    return optionalText(key).orElseThrow(() -> fault(key, "is missing"));
  }

  /** The text of a key that may be missing. */
  public Optional<String> optionalText(String key) {
    return switch (keys.get(key)) {
      case null -> Optional.empty();
      case String text -> Optional.of(text);
      case Object other -> throw fault(key, "is not a text: " + other);
    };
  }

  /**
   * The whole number of a key that must be there.
   *
   * @throws JobFailure if it is missing or no whole number
   */
  public long integer(String key) {
    return asInteger(key, keys.get(key));
  }

  /** The whole number of a key that may be missing. */
  public long integer(String key, long otherwise) {
    Object value = keys.get(key);
    return value == null ? otherwise : asInteger(key, value);
  }

  /** The number of a key that may be missing. */
  public double number(String key, double otherwise) {
    return switch (keys.get(key)) {
      case null -> otherwise;
      case Number number -> number.doubleValue();
      case Object other -> throw fault(key, "is not a number: " + other);
    };
  }

  /**
   * The list of texts of a key that must be there.
   *
   * @throws JobFailure if it is missing or no list of texts
   */
  public List<String> texts(String key) {
    if (!(keys.get(key) instanceof List<?> list)) {
      throw fault(key, "is not a list");
    }
    List<String> texts = new ArrayList<>();
    for (Object element : list) {
      if (!(element instanceof String text)) {
        throw fault(key, "holds something that is not a text: " + element);
      }
      texts.add(text);
    }
    return texts;
  }

  /**
   * The list of maps of a key that must be there.
   *
   * @throws JobFailure if it is missing or no list of maps
   */
  public List<JobSpec> maps(String key) {
    if (!(keys.get(key) instanceof List<?> list)) {
      throw fault(key, "is not a list");
    }
    List<JobSpec> maps = new ArrayList<>();
    for (Object element : list) {
      if (!(element instanceof Map<?, ?> map)) {
        throw fault(key, "holds something that is not a map: " + element);
      }
      maps.add(new JobSpec(JobFolder.textKeys(map)));
    }
    return maps;
  }

  private static long asInteger(String key, @Nullable Object value) {
    return switch (value) {
      case null -> throw fault(key, "is missing");
      case Integer number -> number;
      case Long number -> number;
      case Object other -> throw fault(key, "is not a whole number: " + other);
    };
  }

  private static JobFailure fault(String key, String fault) {
    return new JobFailure(
        ErrorCode.REQUEST_INVALID, "%s: key '%s' %s".formatted(JobFolder.JOB_FILE, key, fault));
  }
}

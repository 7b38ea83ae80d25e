package io.skerry.agent.serve;

import io.skerry.agent.model.PredictException;
import io.skerry.wire.inference.InferParameter;
import io.skerry.wire.inference.InferParameter.ParameterChoiceCase;
import java.util.Map;

/**
 * What a request's parameters say. Sequence parameters are checked and mean nothing: models here
 * keep no state between requests. Parameters of the client's own are accepted.
 *
 * @param priority 1 is the first, {@value #PRIORITY_LEVELS} the last
 * @param timeoutNanos how long the request may wait before it runs; 0 for as long as it takes
 * @param key what decides between versions that share requests; empty when the client gives none
 */
record InferParameters(int priority, long timeoutNanos, String key) {
  /** How many priorities there are. */
  static final int PRIORITY_LEVELS = 10;

  /** The priority of a request that names none, or one that there is not. */
  static final int PRIORITY_DEFAULT = 5;

  private static final InferParameters NONE = new InferParameters(PRIORITY_DEFAULT, 0, "");

  private static final String KEY = "skerry_key";
  private static final int KEY_CHARACTERS_MAX = 256;

  private static final String RESERVED = "triton_";
  private static final String EMPTY_FINAL_RESPONSE = "triton_enable_empty_final_response";

  static InferParameters read(Map<String, InferParameter> parameters) throws PredictException {
    if (parameters.isEmpty()) {
      return NONE;
    }
    int priority = PRIORITY_DEFAULT;
    long timeoutNanos = 0;
    String key = "";
    for (Map.Entry<String, InferParameter> entry : parameters.entrySet()) {
      String name = entry.getKey();
      InferParameter value = entry.getValue();
      switch (name) {
        case "priority" -> {
          long wanted = number(name, value);
          priority = wanted >= 1 && wanted <= PRIORITY_LEVELS ? (int) wanted : PRIORITY_DEFAULT;
        }
        case "timeout" -> timeoutNanos = nanos(number(name, value));
        case KEY -> key = key(value);
        case "sequence_id" -> requireSequenceId(value);
        case "sequence_start", "sequence_end", EMPTY_FINAL_RESPONSE ->
            require(name, value, ParameterChoiceCase.BOOL_PARAM, "bool_param");
        default -> {
          if (name.startsWith(RESERVED)) {
            throw invalid(
                "parameter '%s' is reserved and not known here".formatted(Texts.shortened(name)));
          }
        }
      }
    }
    return new InferParameters(priority, timeoutNanos, key);
  }

  private static String key(InferParameter value) throws PredictException {
    require(KEY, value, ParameterChoiceCase.STRING_PARAM, "string_param");
    if (value.getStringParam().length() > KEY_CHARACTERS_MAX) {
      throw invalid(
          "invalid value for '%s' parameter: %d characters, at most %d"
              .formatted(KEY, value.getStringParam().length(), KEY_CHARACTERS_MAX));
    }
    return value.getStringParam();
  }

  private static long number(String name, InferParameter value) throws PredictException {
    long number =
        switch (value.getParameterChoiceCase()) {
          case INT64_PARAM -> value.getInt64Param();
          case UINT64_PARAM -> value.getUint64Param();
          case BOOL_PARAM, STRING_PARAM, DOUBLE_PARAM, PARAMETERCHOICE_NOT_SET ->
              throw invalid(
                  "invalid value type for '%s' parameter, expected int64_param or uint64_param."
                      .formatted(name));
        };
    if (number < 0) {
      throw invalid(
          "invalid value for '%s' parameter: %d, expected 0 or more".formatted(name, number));
    }
    return number;
  }

  private static long nanos(long micros) {
    return micros > Long.MAX_VALUE / 1_000 ? 0 : micros * 1_000;
  }

  private static void requireSequenceId(InferParameter value) throws PredictException {
    switch (value.getParameterChoiceCase()) {
      case INT64_PARAM, UINT64_PARAM, STRING_PARAM -> {}
      case BOOL_PARAM, DOUBLE_PARAM, PARAMETERCHOICE_NOT_SET ->
          throw invalid(
              "invalid value type for 'sequence_id' parameter, expected int64_param or string_param.");
    }
  }

  private static void require(
      String name, InferParameter value, ParameterChoiceCase expected, String expectedName)
      throws PredictException {
    if (value.getParameterChoiceCase() != expected) {
      throw invalid(
          "invalid value type for '%s' parameter, expected %s.".formatted(name, expectedName));
    }
  }

  private static PredictException invalid(String message) {
    return new PredictException(PredictException.Code.INVALID_ARGUMENT, message);
  }
}

package io.skerry.agent.serve;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import io.skerry.agent.model.ModelTraits;
import io.skerry.agent.model.PredictException;
import io.skerry.agent.model.PredictException.Code;
import io.skerry.wire.inference.ModelRepositoryParameter;
import io.skerry.wire.inference.ModelRepositoryParameter.ParameterChoiceCase;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;

/**
 * What a client wants otherwise while it loads a model. Everything else of a configuration comes
 * from the model itself, and files only from the repository.
 *
 * @param batchMax largest batch; the model's own when empty
 * @param latest load only so many of the highest versions; 0 for no such limit
 * @param versions load only these; every one when empty
 * @param told what else it says of the model
 */
public record ConfigOverride(
    OptionalInt batchMax, int latest, Set<Long> versions, ToldConfig told) {
  /** Everything as the repository has it. */
  public static final ConfigOverride NONE =
      new ConfigOverride(OptionalInt.empty(), 0, Set.of(), ToldConfig.NONE);

  private static final int CONFIG_CHARACTERS_MAX = 64 << 10;
  private static final int VERSIONS_MAX = 1_000;
  private static final String CONFIG = "config";

  public ConfigOverride {
    versions = Set.copyOf(versions);
  }

  /**
   * Reads load parameters.
   *
   * @param instances what clients are told: calls of a model that run at a time
   * @throws PredictException if they ask for something that this agent does not do
   */
  static ConfigOverride read(
      String model, Map<String, ModelRepositoryParameter> parameters, int instances)
      throws PredictException {
    for (String name : parameters.keySet()) {
      if (name.startsWith("file:")) {
        throw new PredictException(
            Code.UNIMPLEMENTED,
            "failed to load '%s', model files are never taken from a client: put them into the repository"
                .formatted(model));
      }
      if (!name.equals(CONFIG)) {
        throw invalid(
            model, "load parameter '%s' is not known here".formatted(Texts.shortened(name)));
      }
    }
    ModelRepositoryParameter config = parameters.get(CONFIG);
    if (config == null) {
      return NONE;
    }
    if (config.getParameterChoiceCase() != ParameterChoiceCase.STRING_PARAM
        || config.getStringParam().length() > CONFIG_CHARACTERS_MAX) {
      throw invalid(
          model,
          "parameter 'config' must be a string of at most %d characters"
              .formatted(CONFIG_CHARACTERS_MAX));
    }
    try {
      return parse(model, StrictJson.object(config.getStringParam()), instances);
    } catch (JsonParseException
        | IllegalStateException
        | UnsupportedOperationException
        | ClassCastException
        | NumberFormatException
        // What a field says is compared level by level.
        | StackOverflowError e) {
      throw invalid(model, "parameter 'config' is no JSON form of a model configuration");
    }
  }

  private static ConfigOverride parse(String model, JsonObject config, int instances)
      throws PredictException {
    OptionalInt batchMax = OptionalInt.empty();
    int latest = 0;
    Set<Long> versions = Set.of();
    ToldConfig told = new ToldConfig(Map.of(), instances);
    for (Map.Entry<String, JsonElement> field : config.entrySet()) {
      switch (field.getKey()) {
        case "name" -> {
          if (!field.getValue().getAsString().equals(model)) {
            throw invalid(model, "the configuration is for another model");
          }
        }
        // The file's ending decides, as it does without an override.
        case "backend", "platform" -> {}
        case "max_batch_size" -> {
          int size = field.getValue().getAsInt();
          if (size < 0 || size > ModelTraits.BATCH_MAX) {
            throw invalid(
                model,
                "max_batch_size is %d, expected 0 to %d".formatted(size, ModelTraits.BATCH_MAX));
          }
          batchMax = OptionalInt.of(size);
        }
        case "version_policy" -> {
          JsonObject policy = field.getValue().getAsJsonObject();
          if (policy.has("latest")) {
            JsonElement wanted = policy.getAsJsonObject("latest").get("num_versions");
            latest = wanted == null ? 1 : Math.max(1, wanted.getAsInt());
          } else if (policy.has("specific")) {
            versions = specific(model, policy.getAsJsonObject("specific"));
          } else if (!policy.has("all")) {
            throw invalid(model, "version_policy is none of latest, all, specific");
          }
        }
        default -> told = told.with(field.getKey(), field.getValue());
      }
    }
    return new ConfigOverride(batchMax, latest, versions, told);
  }

  private static Set<Long> specific(String model, JsonObject policy) throws PredictException {
    JsonElement list = policy.get("versions");
    if (list == null || list.getAsJsonArray().isEmpty()) {
      throw invalid(model, "version_policy.specific names no version");
    }
    List<JsonElement> wanted = new ArrayList<>(list.getAsJsonArray().asList());
    if (wanted.size() > VERSIONS_MAX) {
      throw invalid(model, "version_policy.specific names too many versions");
    }
    Set<Long> versions = new HashSet<>();
    wanted.forEach(version -> versions.add(version.getAsLong()));
    return versions;
  }

  private static PredictException invalid(String model, String why) {
    return new PredictException(
        Code.INVALID_ARGUMENT, "failed to load '%s', %s".formatted(model, why));
  }
}

package io.skerry.agent.serve;

import io.skerry.agent.model.ModelSlots;
import io.skerry.agent.model.PredictException;
import io.skerry.agent.model.PredictException.Code;
import io.skerry.agent.model.ServingModel;
import io.skerry.protocol.ModelName;
import java.util.Optional;

/** Names and versions as clients write them. */
final class ModelNames {
  private ModelNames() {}

  /** The name; empty when no model can have it. */
  static Optional<ModelName> name(String name) {
    try {
      return Optional.of(new ModelName(name));
    } catch (IllegalArgumentException e) {
      return Optional.empty();
    }
  }

  /** The version; empty when the client names none. */
  static Optional<Long> version(String version) throws PredictException {
    if (version.isEmpty()) {
      return Optional.empty();
    }
    try {
      long number = Long.parseLong(version);
      if (number > 0) {
        return Optional.of(number);
      }
    } catch (NumberFormatException e) {
      // Falls through to the one answer for both.
    }
    throw new PredictException(
        Code.INVALID_ARGUMENT,
        "failed to get model version from specified version string '%s', version should be an integral value > 0"
            .formatted(Texts.shortened(version)));
  }

  /**
   * What answers for this name and version.
   *
   * @param listing tells a model that is known but does not answer from one that is not
   */
  static ServingModel serving(ModelSlots slots, ModelListing listing, String name, String version)
      throws PredictException {
    Optional<Long> wanted = version(version);
    Optional<ModelName> model = name(name);
    Optional<ServingModel> found = model.flatMap(known -> slots.find(known, wanted));
    if (found.isPresent()) {
      return found.get();
    }
    Optional<ModelListing.Entry> listed =
        listing.entries().stream()
            .filter(entry -> entry.model().equals(name) && !entry.ready())
            .filter(entry -> version.isEmpty() || entry.version().equals(version))
            .findFirst();
    if (listed.isPresent()) {
      throw new PredictException(
          Code.UNAVAILABLE,
          "Request for unknown model: '%s' version %s is not at ready state: %s"
              .formatted(Texts.shortened(name), listed.get().version(), listed.get().reason()));
    }
    if (model.isPresent() && slots.find(model.get(), Optional.empty()).isPresent()) {
      throw new PredictException(
          Code.NOT_FOUND,
          "Request for unknown model: '%s' version %s is not found".formatted(name, version));
    }
    throw new PredictException(
        Code.NOT_FOUND,
        "Request for unknown model: '%s' is not found".formatted(Texts.shortened(name)));
  }
}

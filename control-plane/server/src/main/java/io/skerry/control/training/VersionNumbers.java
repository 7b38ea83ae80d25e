package io.skerry.control.training;

import io.skerry.control.sql.Transaction;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;

/** Gives every run and every import a version number of its own; numbers are never used again. */
public final class VersionNumbers {
  private VersionNumbers() {}

  /** The model's next version. */
  public static ModelVersion next(Transaction transaction, ModelName model) {
    transaction.update(
        "insert into model_counter (model, version) values (?, 1)"
            + " on conflict (model) do update set version = model_counter.version + 1",
        model.value());
    return new ModelVersion(
        model,
        transaction.number("select version from model_counter where model = ?", model.value()));
  }
}

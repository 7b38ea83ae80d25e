package io.skerry.control.dataset;

import io.micronaut.serde.annotation.SerdeImport;
import io.skerry.api.DatasetBatch;

/** Makes the API's records readable and writable as JSON. */
@SerdeImport(DatasetBatch.class)
final class DatasetJson {
  private DatasetJson() {}
}

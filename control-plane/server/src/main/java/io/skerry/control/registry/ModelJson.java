package io.skerry.control.registry;

import io.micronaut.serde.annotation.SerdeImport;
import io.skerry.api.ModelVersionView;
import io.skerry.api.ModelView;
import io.skerry.api.Variant;
import io.skerry.api.VariantQuality;
import io.skerry.api.VariantTiming;
import io.skerry.api.WeightFile;

/** Makes the API's records readable and writable as JSON. */
@SerdeImport(ModelVersionView.class)
@SerdeImport(ModelView.class)
@SerdeImport(Variant.class)
@SerdeImport(VariantQuality.class)
@SerdeImport(VariantTiming.class)
@SerdeImport(WeightFile.class)
final class ModelJson {
  private ModelJson() {}
}

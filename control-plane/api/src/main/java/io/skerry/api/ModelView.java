package io.skerry.api;

import java.util.List;

/** A model with its versions, newest first. */
public record ModelView(String name, List<ModelVersionView> versions) {
  public ModelView {
    versions = List.copyOf(versions);
  }
}

package io.skerry.control.access;

import io.micronaut.core.convert.ArgumentConversionContext;
import io.micronaut.core.type.Argument;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.bind.binders.TypedRequestArgumentBinder;
import jakarta.inject.Singleton;

/** Gives endpoints for devices the one that calls. */
@Singleton
final class DeviceBinder implements TypedRequestArgumentBinder<Caller.Device> {
  @Override
  public Argument<Caller.Device> argumentType() {
    return Argument.of(Caller.Device.class);
  }

  @Override
  public BindingResult<Caller.Device> bind(
      ArgumentConversionContext<Caller.Device> context, HttpRequest<?> source) {
    return () -> source.getAttribute(AccessFilter.DEVICE, Caller.Device.class);
  }
}

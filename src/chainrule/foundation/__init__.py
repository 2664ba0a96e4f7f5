"""What every floor stands on: arrays of any library, catalogues of named records, errors."""

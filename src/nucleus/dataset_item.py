"""Items, under the path that existing scripts import them from."""

from nucleus._dataset_item import DatasetItem, DatasetItemEmbeddingInfo, DatasetItemType

__all__ = ["DatasetItem", "DatasetItemEmbeddingInfo", "DatasetItemType"]

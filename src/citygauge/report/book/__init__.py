"""The whole report: one document made from a result, written as PDF, Word, web page and slides."""
